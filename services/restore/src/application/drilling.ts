import type { DrillSession, Identifier } from '@lethe/eraser-kit'
import { type Caller, LetheError, type Logger, TerminalError } from '@lethe/service-host'
import type { DrillStore } from '../adapters/drill-store.js'
import {
  type Drill,
  type DrillBackup,
  type DrillCanary,
  type DrillEvidence,
  type DrillPhase,
  type DrillReason,
  type Verdict,
  verdictOf,
} from '../domain/drill.js'
import { sealed } from '../domain/drill-record.js'
import type { GateRow } from '../domain/restore.js'
import type { Tally } from '../domain/waiting.js'
import type { Copies, Copy } from './copies.js'
import { HELD_UP, untilErased } from './drill-erasure.js'
import type { DrillRequests } from './drill-requests.js'
import { added, noTally } from './drill-tally.js'

export interface DrillingParts {
  readonly store: DrillStore
  /** Everything a drill of that system makes and uses. Throws what a person must configure. */
  readonly open: (drill: Drill) => Promise<DrillGround>
  readonly copies: Pick<Copies, 'check' | 'replay' | 'probe'>
  readonly requests: DrillRequests
  /** Of every watched system: nobody is erased where one is shut. */
  readonly gates: () => Promise<readonly GateRow[]>
  /** Signs evidence; not in the database. */
  readonly secret: string
  readonly incarnation: string
  readonly logger: Logger
  readonly now?: () => number
}

export interface DrillGround {
  readonly kind: string
  readonly session: DrillSession
  /** Of the system that knows whose identifiers are whose, where it is another one: the person must stand there too. */
  readonly identity: DrillSession | null
  /** Whose the made-up person is. */
  readonly tenantId: string
  readonly versions: Readonly<Record<string, string>>
}

/** In whose name a copy is worked on. */
const self: Caller = { id: 'restore-drill', roles: ['restore'], tenants: ['*'], systemId: null }

/** What is known of a drill while it runs; becomes its evidence. */
interface Notes {
  backup: DrillBackup | null
  canary: DrillCanary | null
  cameBack: number | null
  left: number | null
  found: Readonly<Record<string, number>>
  replay: Tally | null
  probe: Tally | null
  versions: Readonly<Record<string, string>>
  readonly durations: Partial<Record<DrillPhase, number>>
}

const nothingNoted = ({ canary }: Drill): Notes => ({
  backup: null,
  canary,
  cameBack: null,
  left: null,
  found: {},
  replay: null,
  probe: null,
  versions: {},
  durations: {},
})

interface End {
  readonly verdict: Verdict
  readonly reasons: readonly DrillReason[]
}

/**
 * One drill from its beginning to its evidence: a made-up person goes into the store, a backup is taken, the person is
 * erased the usual way, the backup is restored into a copy nobody uses, they must be there again, tombstones are
 * applied, and they must be gone. Whatever happens, what it made is cleared away and the end is written down.
 */
export class Drilling {
  private readonly now: () => number

  constructor(private readonly parts: DrillingParts) {
    this.now = parts.now ?? Date.now
  }

  /** Never throws, but when Lethe's own database does not answer; then another process clears it away. */
  async run(drill: Drill, signal: AbortSignal): Promise<End> {
    const notes = nothingNoted(drill)
    let ground: DrillGround | null = null
    let end: End
    try {
      ground = await this.parts.open(drill)
      end = await this.steps(drill, ground, notes, signal)
    } catch (error) {
      end = signal.aborted ? stopped : broken(error)
    }
    return this.finish(drill, ground, notes, end)
  }

  /** Ends a drill whose process is gone. */
  async abandon(drill: Drill): Promise<End> {
    const notes = nothingNoted(drill)
    const ground = await this.parts.open(drill).catch(() => null)
    return this.finish(drill, ground, notes, interrupted)
  }

  private async steps(drill: Drill, ground: DrillGround, notes: Notes, signal: AbortSignal): Promise<End> {
    const { drillId, systemId } = drill
    const { session, tenantId } = ground
    const { copies, store } = this.parts
    const phase = <T>(name: DrillPhase, work: () => Promise<T>) =>
      this.phase(drill, name, notes, signal, work)
    notes.versions = await phase('checking', async () => ({
      ...ground.versions,
      ...(await session.check(tenantId)),
    }))
    const known = async (identifiers: readonly Identifier[]) => {
      notes.canary = { tenantId, identifiers, requestId: null }
      await store.rememberCanary(drillId, notes.canary)
    }
    await phase('planting', async () => {
      await ground.identity?.plant(tenantId, known)
      await session.plant(tenantId, known, identifiersOf(notes))
    })
    const identifiers = identifiersOf(notes)
    notes.backup = await phase('backing_up', () => session.backUp(signal))
    await phase('erasing', () => this.erase(drill, notes, signal))
    const url = await phase('restoring', () => session.restore(signal))
    const copy: Copy = { applyId: `drill-${drillId}`, systemId, url, made: true }
    await phase('looking', async () => {
      await copies.check(self, copy, false)
      notes.cameBack = await session.count(url, identifiers)
      notes.found = (await this.pages('probe', copy, signal)).residual
    })
    notes.replay = await phase('replaying', () => this.pages('replay', copy, signal))
    notes.probe = await phase('probing', async () => {
      notes.left = await session.count(url, identifiers)
      return this.pages('probe', copy, signal)
    })
    const canary = { cameBack: notes.cameBack ?? 0, left: notes.left ?? 0 }
    return verdictOf({ canary, replay: notes.replay, probe: notes.probe })
  }

  private async phase<T>(
    { drillId }: Drill,
    name: DrillPhase,
    notes: Notes,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    await this.parts.store.toPhase(drillId, name)
    const started = this.now()
    try {
      return await work()
    } finally {
      notes.durations[name] = this.now() - started
    }
  }

  /** Through request, as everybody is erased, and until probes found nothing anywhere. */
  private async erase(drill: Drill, notes: Notes, signal: AbortSignal): Promise<void> {
    const requestId = await this.askFor(drill, notes)
    const { store, requests, gates } = this.parts
    const tell = (reasons: readonly DrillReason[]) => store.tell(drill.drillId, reasons)
    await untilErased({ requests, gates, now: this.now }, requestId, tell, signal)
  }

  private async askFor({ drillId }: Drill, notes: Notes): Promise<string> {
    if (notes.canary === null) throw new TerminalError('unexpected', 'There is nobody to erase.')
    const requestId = await this.parts.requests.erase(notes.canary, `drill-${drillId}`)
    notes.canary = { ...notes.canary, requestId }
    await this.parts.store.rememberCanary(drillId, notes.canary)
    return requestId
  }

  private async pages(what: 'replay' | 'probe', copy: Copy, signal: AbortSignal): Promise<Tally> {
    let sum = noTally
    for (let after = ''; ; ) {
      signal.throwIfAborted()
      const page = await this.parts.copies[what](self, copy, after)
      sum = added(sum, page.tally)
      if (page.done) return sum
      after = page.cursor
    }
  }

  private async finish(drill: Drill, ground: DrillGround | null, notes: Notes, end: End): Promise<End> {
    const { store, secret, incarnation, logger } = this.parts
    const { drillId, systemId, askedBy, trigger, startedAt } = drill
    const reasons = [...end.reasons]
    await this.phase(drill, 'clearing', notes, new AbortController().signal, async () => {
      const left = await clear(ground)
      if (left !== null) reasons.push(left)
      const waiting = await this.letGo(drill, notes)
      if (waiting !== null) reasons.push(waiting)
    })
    const evidence: DrillEvidence = {
      drillId,
      systemId,
      kind: ground?.kind ?? 'unknown',
      incarnation,
      askedBy,
      trigger,
      startedAt,
      finishedAt: this.now(),
      verdict: end.verdict,
      reasons,
      backup: notes.backup,
      requestId: notes.canary?.requestId ?? null,
      canary: { cameBack: notes.cameBack, left: notes.left },
      cameBack: notes.found,
      replay: notes.replay,
      probe: notes.probe,
      durations: notes.durations,
      versions: notes.versions,
    }
    await store.end(evidence, sealed(evidence, await store.lastHash(systemId), secret))
    const codes = reasons.map(({ code }) => code)
    const note = { system: systemId, drillId, verdict: end.verdict, codes }
    if (end.verdict === 'passed') logger.info(note, 'a restore drill was passed')
    else logger.error(note, 'a restore drill was not passed')
    return { verdict: end.verdict, reasons }
  }

  /** Nobody made-up stays in the store: who was put in and not asked for is asked for now. */
  private async letGo(drill: Drill, notes: Notes): Promise<DrillReason | null> {
    if (notes.canary === null || notes.canary.requestId !== null) return null
    try {
      await this.askFor(drill, notes)
      return null
    } catch (error) {
      return {
        code: 'canary_not_erased',
        detail: `${reasonOf(error).detail} It is asked for again by itself.`,
      }
    }
  }
}

/** Null when nothing is left. */
async function clear(ground: DrillGround | null): Promise<DrillReason | null> {
  if (ground === null) return null
  try {
    await ground.session.clear()
    return null
  } catch (error) {
    const { detail } = reasonOf(error)
    return { code: 'not_cleared', detail: `What the drill made could not be cleared away: ${detail}` }
  } finally {
    await ground.identity?.close().catch(() => undefined)
    await ground.session.close().catch(() => undefined)
  }
}

const identifiersOf = ({ canary }: Notes): readonly Identifier[] =>
  (canary?.identifiers ?? []) as readonly Identifier[]

const stopped: End = {
  verdict: 'stopped',
  reasons: [{ code: 'stopped', detail: 'Somebody ended it, or the service was shut down.' }],
}
const interrupted: End = {
  verdict: 'stopped',
  reasons: [
    { code: 'interrupted', detail: 'The process that ran it is gone; what it had made was cleared away.' },
  ],
}

/** Connectors' and services' own words name nobody; what anything else says is not repeated. */
function reasonOf(error: unknown): DrillReason {
  if (error instanceof LetheError) return { code: error.code, detail: error.message }
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (error instanceof Error && error.name === 'ProblemError' && typeof code === 'string')
    return { code, detail: String(message) }
  return {
    code: 'unexpected',
    detail: 'Something unexpected happened; the log of the restore service says more.',
  }
}

/** A gate that stayed shut says nothing about the store that was drilled, so nothing was proven or disproven. */
function broken(error: unknown): End {
  const reason = reasonOf(error)
  return { verdict: reason.code === HELD_UP ? 'stopped' : 'failed', reasons: [reason] }
}
