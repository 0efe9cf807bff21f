import type { TakenTaskView } from '@lethe/client'
import type { Command } from 'commander'
import { UsageError } from './exit.js'
import { instant, requestText, table, yellow } from './render.js'
import type { Ports } from './request-commands.js'
import { wholeNumber } from './whole-number.js'

interface AttestOptions {
  readonly system: string
  readonly outcome: 'erased' | 'not_found'
  readonly records?: number
  readonly doneAt?: string
  readonly reference: string
  readonly note?: string
  readonly json?: boolean
}

/** `lethe take`, `attest`, `evidence`: what only a person can erase. */
export function addTaskCommands(program: Command, ports: Ports): void {
  program
    .command('take <request>')
    .description('take a task that is done by hand: says whom it is about, and until when you may be at it')
    .requiredOption('--system <id>', 'the system')
    .option('--json', 'print JSON')
    .action(async (id: string, { system, json }: { system: string; json?: boolean }) => {
      const answer = await ports
        .client()
        .command<{ readonly task: TakenTaskView }>(id, 'take', { systemId: system })
      ports.print(json ? JSON.stringify(answer) : takenText(answer.task))
    })
  program
    .command('attest <request>')
    .description('say that such a task is done; recorded as your word, never as verified')
    .requiredOption('--system <id>', 'the system')
    .requiredOption('--outcome <outcome>', 'erased, or not_found where nothing was there')
    .option('--records <n>', 'how many records are gone', wholeNumber('--records', 1, 1_000_000_000))
    .option('--done-at <instant>', 'when it was done; now when left out')
    .requiredOption(
      '--reference <text>',
      'the evidence, such as the number of a protocol; kept in the vault only',
    )
    .option('--note <text>', 'kept in the vault only')
    .option('--json', 'print JSON')
    .action((id: string, options: AttestOptions) => attest(id, options, ports))
  program
    .command('evidence <request>')
    .description('what was given as evidence of such a task; for officers, and audited')
    .requiredOption('--system <id>', 'the system')
    .option('--json', 'print JSON')
    .action(async (id: string, { system, json }: { system: string; json?: boolean }) => {
      const evidence = await ports.client().evidence(id, system)
      ports.print(json ? JSON.stringify(evidence) : evidenceText(evidence))
    })
}

async function attest(id: string, options: AttestOptions, ports: Ports): Promise<void> {
  const { system: systemId, outcome, records, doneAt, reference, note, json } = options
  if ((outcome === 'erased') !== (records !== undefined))
    throw new UsageError('--records goes with --outcome erased, and only with it')
  const answer = await ports.client().command(id, 'attest', {
    systemId,
    outcome,
    ...(records === undefined ? {} : { records }),
    ...(doneAt === undefined ? {} : { doneAt: momentOf(doneAt) }),
    reference,
    ...(note === undefined ? {} : { note }),
  })
  if (json) return ports.print(JSON.stringify(answer))
  const said = answer.steps.find((step) => step.systemId === systemId)?.task?.attestation
  if (said?.underHold) ports.print(yellow('it was done while a hold was in force, and is recorded as that'))
  ports.print(requestText(answer))
}

function momentOf(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new UsageError('--done-at is no instant of a calendar')
  return at
}

function takenText({ systemId, instructions, identifiers, receivedAt, until }: TakenTaskView): string {
  return [
    `${systemId}: yours until ${instant(until)}. Take it again before you go on after that: it may be on hold by then.`,
    `  ${instructions ?? 'The data map of this request can not be read any more.'}`,
    'Whom it is about; that you were told is in the audit:',
    table(identifiers.map(({ type, value }) => [`  ${type}`, value])),
    `What came there after ${instant(receivedAt)} may be of somebody who came back, and is not meant.`,
    `Then: lethe attest <request> --system ${systemId} --outcome erased --records <n> --reference <text>`,
  ].join('\n')
}

const evidenceText = ({ reference, note }: { reference: string; note: string | null }): string =>
  [`reference  ${reference}`, ...(note === null ? [] : [`note       ${note}`])].join('\n')
