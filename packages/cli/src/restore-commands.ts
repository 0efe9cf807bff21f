import type { RestoreClient, RestoreView } from '@lethe/client'
import type { Command } from 'commander'
import { addApplyCommand } from './apply-command.js'
import { addDrillCommands } from './drill-command.js'
import { exitCodes, UsageError } from './exit.js'
import { addPrepareCommand } from './prepare-command.js'
import { instant, table } from './render.js'
import { addReviewCommands } from './review-commands.js'
import { addSelfCommand } from './self-command.js'
import { addSweepCommand } from './sweep-command.js'

export interface RestorePorts {
  restores(): RestoreClient
  print(text: string): void
  setExit(code: number): void
  signal: AbortSignal
}

interface Given {
  system?: string
  backup?: string
  ticket?: string
  yes?: boolean
  wait?: boolean
  json?: boolean
}

const EVERY_MS = 500
const done = new Set<RestoreView['phase']>(['opened', 'waiting', 'superseded'])

/** `lethe restore`: what came back from a backup, how far it is, and what a person can do. */
export function addRestoreCommands(program: Command, ports: RestorePorts): void {
  const restore = program.command('restore').description('stores that came back from a backup')
  const json = (command: Command) => command.option('--json', 'print JSON')

  json(restore.command('history').description('restores, newest first'))
    .option('--system <id>', 'only of this system')
    .action(async ({ system, json: asJson }: Given) => {
      const all = await ports.restores().restores(system)
      // A name that nobody watches is a mistake, which an empty list would hide.
      if (all.length === 0 && system !== undefined) await ports.restores().gate(system)
      if (asJson) return ports.print(JSON.stringify(all))
      ports.print(all.length === 0 ? 'No restores.' : table([heads, ...all.map(row)]))
      for (const view of all) for (const line of openings(view)) ports.print(`${view.restoreId} ${line}`)
    })

  json(restore.command('status <restore>').description('one restore: phase, counts, why it waits'))
    .option('--wait', 'print each change until the gate opens or a person is needed')
    .action(async (id: string, given: Given) => {
      const last = given.wait ? await follow(id, given, ports) : await ports.restores().restore(id)
      say(last, given, ports)
    })

  json(restore.command('announce').description('shut, replay and probe a system now'))
    .requiredOption('--system <id>', 'the system')
    .option('--backup <id>', 'which backup it came from')
    .option('--wait', 'print each change until the gate opens or a person is needed')
    .action(async (given: Given) => {
      const { system = '', backup } = given
      const begun = await ports
        .restores()
        .announce({ systemId: system, ...(backup ? { backupId: backup } : {}) })
      say(given.wait ? await follow(begun.restoreId, given, ports) : begun, given, ports)
    })

  addPrepareCommand(restore, ports)
  addApplyCommand(restore, ports)
  addSweepCommand(restore, ports)
  addDrillCommands(restore, ports)
  addReviewCommands(restore, ports)
  addSelfCommand(restore, ports)

  json(restore.command('retry <restore>').description('replay and probe one that waits once more')).action(
    async (id: string, given: Given) => say(await ports.restores().retry(id), given, ports),
  )

  json(restore.command('open <restore>').description('open a gate that waits, whatever it waits for'))
    .requiredOption('--ticket <id>', 'of your ticket or incident; kept for ever')
    .option('--yes', 'you mean it: people who were erased may be in this store')
    .action(async (id: string, given: Given) => {
      if (!given.yes)
        throw new UsageError('people who were erased may be in this store: say --yes to open it')
      say(await ports.restores().open(id, given.ticket ?? ''), given, ports)
    })
}

/** It would go on by itself, but not before somebody has done what the text says. A copy that has not come is waited for. */
const isStuck = ({ waiting }: RestoreView): boolean => waiting.some(({ code }) => code !== 'not_restored_yet')

async function follow(id: string, { json }: Given, ports: RestorePorts): Promise<RestoreView> {
  let said = ''
  for (;;) {
    ports.signal.throwIfAborted()
    const view = await ports.restores().restore(id)
    const text = `${view.phase}  ${view.tombstones} tombstones, ${view.replayed} erased again`
    if (text !== said && !json) ports.print(text)
    said = text
    if (done.has(view.phase) || isStuck(view)) return view
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

const heads = ['restore', 'system', 'phase', 'told by', 'announced', 'opened', 'tombstones', 'erased again']
const row = (view: RestoreView): string[] => [
  view.restoreId,
  view.systemId,
  view.phase,
  view.announcedBy,
  instant(view.announcedAt),
  instant(view.openedAt),
  String(view.tombstones),
  String(view.replayed),
]

/** Who it was nobody knows: whoever breaks the glass does it past Lethe. */
const openings = ({ foundOpen = [] }: RestoreView): string[] =>
  foundOpen.map(
    ({ noticedAt, shutUntil, sessionsEnded }) =>
      `was opened past Lethe after ${instant(shutUntil)}, noticed ${instant(noticedAt)}, ${sessionsEnded ?? 'no'} sessions ended`,
  )

/** Of one that was waited for, exit code 0 only for a gate that is open. */
function say(view: RestoreView, { json }: Given, ports: RestorePorts): void {
  if (['waiting', 'superseded'].includes(view.phase) || isStuck(view)) ports.setExit(exitCodes.needsPerson)
  if (json) {
    ports.print(JSON.stringify(view))
    return
  }
  ports.print(table([heads, row(view)]))
  if (view.windowMs !== null) ports.print(`may have been used for ${view.windowMs} ms before the gate shut`)
  for (const line of openings(view)) ports.print(line)
  for (const { code, detail } of view.waiting) ports.print(`waits  ${code}: ${detail}`)
}
