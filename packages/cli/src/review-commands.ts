import type { ReviewView } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes, UsageError } from './exit.js'
import { instant, table } from './render.js'
import type { RestorePorts } from './restore-commands.js'

interface Given {
  system?: string
  all?: boolean
  ticket?: string
  yes?: boolean
  json?: boolean
}

/** `lethe restore reviews|decide`: records that may be of somebody who came back under the same e-mail. */
export function addReviewCommands(restore: Command, ports: RestorePorts): void {
  restore
    .command('reviews')
    .description('records that may be of somebody who came back; ends with 5 while there is one to decide')
    .option('--system <id>', 'only of this system')
    .option('--all', 'those that are decided too')
    .option('--json', 'print JSON')
    .action(async ({ system, all, json }: Given) => {
      const found = await ports
        .restores()
        .reviews({ ...(system ? { systemId: system } : {}), ...(all ? { all } : {}) })
      if (found.some(({ decision }) => decision === null)) ports.setExit(exitCodes.needsPerson)
      say(found, json, ports)
    })

  restore
    .command('decide <review> <decision>')
    .description('keep these records, or erase them as of before the erasure')
    .requiredOption('--ticket <id>', 'of your ticket or incident; kept for ever')
    .option('--yes', 'you mean it: what is erased can not be brought back')
    .option('--json', 'print JSON')
    .action(async (review: string, decision: string, { ticket = '', yes, json }: Given) => {
      if (decision !== 'keep' && decision !== 'erase') throw new UsageError('say keep or erase')
      if (decision === 'erase' && !yes)
        throw new UsageError('what is erased can not be brought back: say --yes to erase it')
      say([await ports.restores().decide(review, decision, ticket)], json, ports)
    })
}

const heads = ['review', 'system', 'request', 'found', 'in', 'by', 'decision', 'ticket', 'done']
const row = (view: ReviewView): string[] => [
  view.reviewId,
  view.systemId,
  view.requestId,
  instant(view.foundAt),
  Object.entries(view.found)
    .map(([place, matches]) => `${place} ${matches}`)
    .join(', '),
  view.restoreId,
  view.decision ?? '',
  view.ticket ?? '',
  instant(view.doneAt),
]

function say(found: readonly ReviewView[], json: boolean | undefined, ports: RestorePorts): void {
  const text = found.length === 0 ? 'Nothing to decide.' : table([heads, ...found.map(row)])
  ports.print(json ? JSON.stringify(found) : text)
}
