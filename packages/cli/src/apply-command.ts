import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { CopyAddress, CopyTally, CopyView } from '@lethe/client'
import { UnreachableError } from '@lethe/client'
import type { Command } from 'commander'
import { type ApplyProgress, noTally, ProgressFiles, withPage } from './apply-progress.js'
import { copyUrl, stateDirectory } from './config.js'
import { exitCodes, UsageError } from './exit.js'
import { instant, table } from './render.js'
import type { RestorePorts } from './restore-commands.js'

interface Given {
  system?: string
  url?: string
  tables?: string
  resume?: string
  dryRun?: boolean
  json?: boolean
}

/** A page that was not answered may have been done: it is asked for again, and counts the same. */
const TRIES = 5
const PAUSE_MS = 1_000

/** `lethe restore apply`: every live tombstone onto a copy that is not in use, through the restore service. */
export function addApplyCommand(restore: Command, ports: RestorePorts): void {
  restore
    .command('apply')
    .description('erase everybody who stays absent from a copy that is not in use, and look for them')
    .option('--system <id>', 'whose copy it is')
    .option('--url <address>', 'of the copy, as the restore service reaches it; or LETHE_COPY_URL')
    .option('--tables <names>', 'only these tables or indices were restored, with commas')
    .option('--resume <id>', 'go on with one that was interrupted')
    .option('--dry-run', 'only look for them, and change nothing')
    .option('--json', 'print JSON')
    .action((given: Given) => apply(given, ports, new ProgressFiles(join(stateDirectory(), 'applies'))))
}

export async function apply(given: Given, ports: RestorePorts, files: ProgressFiles): Promise<void> {
  const url = given.url ?? copyUrl()
  if (url === undefined) throw new UsageError('give --url, or LETHE_COPY_URL, of the copy')
  let progress = given.resume === undefined ? begun(given) : resumed(given, files.load(given.resume))
  const { applyId, systemId, tables, dryRun } = progress
  const copy: CopyAddress = { applyId, systemId, url, ...(tables ? { tables } : {}) }
  const checked = await ports.restores().checkCopy(copy, dryRun)
  const say = (text: string) => given.json || ports.print(text)
  say(
    `${checked.tombstones} live tombstones of ${systemId}; the copy was marked ${instant(checked.markerAt)}`,
  )
  if (!dryRun) say(`if this is interrupted: lethe restore apply --resume ${applyId}`)
  for (const phase of ['replay', 'probe'] as const) {
    if (phase === 'replay' && (dryRun || progress.phase === 'probe')) continue
    progress = { ...progress, phase, after: progress.phase === phase ? progress.after : '' }
    progress = await throughPages(progress, copy, checked, { ports, files, say })
  }
  files.remove(applyId)
  show(progress, checked, given.json, ports)
}

function begun({ system, tables, dryRun = false }: Given): ApplyProgress {
  if (system === undefined) throw new UsageError('give --system: whose copy it is')
  return {
    applyId: randomUUID(),
    systemId: system,
    tables: tables?.split(',') ?? null,
    dryRun,
    phase: dryRun ? 'probe' : 'replay',
    after: '',
    replayed: noTally,
    probed: noTally,
  }
}

function resumed({ system, tables, dryRun }: Given, progress: ApplyProgress): ApplyProgress {
  const same = tables === undefined || tables === progress.tables?.join(',')
  if ((system !== undefined && system !== progress.systemId) || !same || dryRun)
    throw new UsageError('--resume goes on with what was begun: leave the other options out, but for --url')
  return progress
}

async function throughPages(
  from: ApplyProgress,
  copy: CopyAddress,
  { tombstones }: CopyView,
  { ports, files, say }: { ports: RestorePorts; files: ProgressFiles; say(text: string): void },
): Promise<ApplyProgress> {
  const started = Date.now()
  const which = from.phase === 'replay' ? 'replayed' : 'probed'
  const before = from[which].tombstones
  let progress = from
  for (;;) {
    ports.signal.throwIfAborted()
    const page = await patiently(() => ports.restores().copyPage(progress.phase, copy, progress.after))
    progress = { ...progress, after: page.cursor, [which]: withPage(progress[which], page.tally) }
    files.save(progress)
    const done = progress[which].tombstones
    const left = Math.max(0, tombstones - done)
    const perMs = (done - before) / Math.max(1, Date.now() - started)
    const estimate = page.done ? '' : ` · about ${Math.ceil(left / Math.max(perMs, 1e-6) / 1_000)} s left`
    say(`${progress.phase}  ${done} of ${tombstones}${estimate}`)
    if (page.done) return progress
  }
}

async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof UnreachableError) || tried === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}

const some = (counts: Readonly<Record<string, number>>) => Object.values(counts).some((count) => count > 0)

/** Nobody was found, everybody could be looked for, and the copy is young enough to be judged. */
export const isClean = (probed: CopyTally, { reasons }: Pick<CopyView, 'reasons'>): boolean =>
  reasons.length === 0 &&
  probed.held === 0 &&
  probed.unreadable === 0 &&
  !some(probed.residual) &&
  !some(probed.inconclusive)

function show(
  { applyId, systemId, dryRun, replayed, probed }: ApplyProgress,
  checked: CopyView,
  json: boolean | undefined,
  ports: RestorePorts,
): void {
  const clean = isClean(probed, checked)
  if (!clean) ports.setExit(exitCodes.needsPerson)
  if (json) {
    const { reasons, markerAt } = checked
    ports.print(JSON.stringify({ applyId, systemId, dryRun, clean, markerAt, reasons, replayed, probed }))
    return
  }
  const rows = (what: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [[`${what} ${name}`, String(count)]] : []))
  const lines = [
    ['looked for', String(probed.tombstones - probed.held - probed.unreadable)],
    ...(dryRun
      ? []
      : [
          ['erased', String(replayed.replayed)],
          ['were absent', String(replayed.alreadyAbsent)],
        ]),
    ['under a hold', String(probed.held)],
    ['unreadable', String(probed.unreadable)],
    ...rows('would not be erased:', replayed.failed),
    ...rows('still found in', probed.residual),
    ...rows('could not be looked for:', probed.inconclusive),
  ]
  ports.print(table(lines))
  for (const { code, detail } of checked.reasons) ports.print(`${code}: ${detail}`)
  ports.print(clean ? 'clean: nobody who was erased is in this copy' : 'not clean: do not put it to use')
}
