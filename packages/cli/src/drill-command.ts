import { randomUUID } from 'node:crypto'
import { type DrillView, UnreachableError } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes, UsageError } from './exit.js'
import { instant, table } from './render.js'
import type { RestorePorts } from './restore-commands.js'

interface Given {
  system?: string
  dryRun?: boolean
  json?: boolean
}

const EVERY_MS = 500

/** `lethe restore drill`: proves on a copy that a restore keeps erased people erased; `drills` lists what was proven. */
export function addDrillCommands(restore: Command, ports: RestorePorts): void {
  restore
    .command('drill')
    .description('back up, erase a made-up person, restore into a copy, replay, and prove that they are gone')
    .option('--system <id>', 'the system')
    .option('--dry-run', 'only look whether a drill could be done')
    .option('--json', 'print JSON')
    .action((given: Given) => drill(given, ports))
  restore
    .command('drills')
    .description('drills, newest first; ends with 5 when the last one of a system was not passed')
    .option('--system <id>', 'only of this system')
    .option('--json', 'print JSON')
    .action(({ system, json }: Given) => list(system, json, ports))
}

export async function drill({ system, dryRun, json }: Given, ports: RestorePorts): Promise<void> {
  if (system === undefined) throw new UsageError('give --system: which system to drill')
  if (dryRun) {
    const { versions } = await ports.restores().checkDrill(system)
    const lines = Object.entries(versions).map(([name, version]) => [name, version])
    return ports.print(
      json
        ? JSON.stringify({ systemId: system, dryRun, versions })
        : `${table(lines)}\na drill of ${system} can be done; nothing was changed`,
    )
  }
  const drillId = randomUUID()
  await ports.restores().startDrill(system, drillId)
  const last = await follow(drillId, json, ports)
  setExit(last, ports)
  ports.print(json ? JSON.stringify(last) : told(last))
}

/** To its end. Who does not want to wait any more has it stopped, and still sees that nothing is left. */
async function follow(
  drillId: string,
  json: boolean | undefined,
  { restores, print, signal }: RestorePorts,
): Promise<DrillView> {
  let said = ''
  let stopped = false
  for (;;) {
    if (signal.aborted && !stopped) {
      stopped = true
      if (!json) print('stopping it: what it made is cleared away first')
      await restores().stopDrill(drillId)
    }
    const view = await restores()
      .drill(drillId)
      .catch((error: unknown) => {
        // It goes on, or is cleared away when the service is back.
        if (error instanceof UnreachableError && !stopped) return null
        throw error
      })
    const waiting = view === null || view.finishedAt !== null ? [] : view.reasons.map(({ detail }) => detail)
    const now = view === null ? said : [doing[view.phase], ...waiting].join('\n')
    if (now !== said && !json) print(now)
    said = now
    if (view !== null && view.finishedAt !== null) return view
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

const doing: Readonly<Record<DrillView['phase'], string>> = {
  asked: 'asked for',
  checking: 'looking whether it can be done',
  planting: 'a made-up person goes into the store',
  backing_up: 'taking a backup',
  erasing: 'the made-up person is erased, as everybody is',
  restoring: 'restoring the backup into a copy nobody uses',
  looking: 'looking who came back with it',
  replaying: 'applying every live tombstone',
  probing: 'looking for everybody',
  clearing: 'clearing away what it made',
  ended: 'ended',
}

const words: Readonly<Record<NonNullable<DrillView['verdict']>, string>> = {
  passed: 'PASSED: erased people came back with the backup, and the replay took all of them away again',
  failed: 'FAILED: do not rely on restores of this system',
  proves_nothing: 'PROVES NOTHING: nobody came back with the backup',
  stopped: 'STOPPED before its end; nothing was proven',
}

function told(view: DrillView): string {
  const { evidence, verdict, reasons } = view
  const sum = (counts: Readonly<Record<string, number>> = {}) =>
    String(Object.values(counts).reduce((all, one) => all + one, 0))
  const lines = [
    ['drill', view.drillId],
    ['backup of', instant(evidence?.backup?.takenAt ?? null)],
    ['sha256', evidence?.backup?.sha256 ?? ''],
    ['the made-up person came back', String(evidence?.canary.cameBack ?? 'nobody looked')],
    ['matches of erased people that came back', evidence?.probe ? sum(evidence.cameBack) : 'nobody looked'],
    ['tombstones', String(evidence?.replay?.tombstones ?? 0)],
    ['erased again', String(evidence?.replay?.replayed ?? 0)],
    ['under a hold', String(evidence?.replay?.held ?? 0)],
    ['left of the made-up person', String(evidence?.canary.left ?? 'nobody looked')],
    ['left of others', evidence?.probe ? sum(evidence.probe.residual) : 'nobody looked'],
    ...Object.entries(evidence?.durations ?? {}).map(([phase, ms]) => [phase, `${ms} ms`]),
    ['evidence', view.hash ?? ''],
  ]
  const why = reasons.map(({ code, detail }) => `${code}: ${detail}`)
  return [table(lines), ...why, verdict === null ? '' : words[verdict]].join('\n')
}

function setExit({ verdict }: DrillView, ports: RestorePorts): void {
  if (verdict === 'passed') return
  ports.setExit(verdict === 'failed' ? exitCodes.failed : exitCodes.needsPerson)
}

const heads = ['drill', 'system', 'asked by', 'began', 'ended', 'phase', 'verdict', 'why', 'evidence']

async function list(
  system: string | undefined,
  json: boolean | undefined,
  ports: RestorePorts,
): Promise<void> {
  const drills = await ports.restores().drills(system)
  const seen = new Set<string>()
  for (const one of drills) {
    if (one.verdict === null || one.verdict === 'stopped' || seen.has(one.systemId)) continue
    seen.add(one.systemId)
    if (one.verdict !== 'passed') ports.setExit(exitCodes.needsPerson)
  }
  if (drills.some(({ intact }) => intact === false)) ports.setExit(exitCodes.failed)
  if (json) return ports.print(JSON.stringify(drills))
  const row = (view: DrillView) => [
    view.drillId,
    view.systemId,
    view.askedBy,
    instant(view.startedAt),
    instant(view.finishedAt),
    view.phase,
    view.verdict ?? '',
    view.reasons.map(({ code }) => code).join(', '),
    view.intact === null ? '' : view.intact ? 'intact' : 'CHANGED',
  ]
  ports.print(drills.length === 0 ? 'No drills.' : table([heads, ...drills.map(row)]))
}
