import type { EraseIo, Outcome, Pass, Session, Subject } from '@lethe/eraser-kit'
import { LetheError, PausedError, RetryableError } from '@lethe/service-host'
import type { Replayed } from '../domain/restore.js'
import type { Fate } from '../domain/tally.js'
import type { LiveTombstone } from './tombstone-source.js'
import { type UndatedModes, withoutTakenAlong } from './undated.js'
import { underMaps } from './under-maps.js'
import type { WatchedSystem } from './watched-system.js'

/** How long one batch may take, in milliseconds. */
const BATCH_MS = 120_000

/** Why tombstones are applied: a run's passes are told by their receipts when it is run again. */
export interface Run {
  /** `restore-<id>` or `sweep-<id>`. */
  readonly name: string
  /** Counts the tries from the beginning; those of another one are other passes. */
  readonly number: number
  readonly systemId: string
  /** The map in force when the copy was made, which describes what is in it; null where nobody knows. */
  readonly copyMap?: number | null
  /**
   * Set where a whole store is replayed: which receipts of batches this page's replace, below 8. Whoever sets it has
   * recorded what the page before said under the same number.
   */
  readonly generation?: number
}

const LANES = 2

interface Under {
  readonly run: Run
  readonly session: Session
  readonly version: number
  /** With one receipt for many, where the connector can. */
  readonly together: boolean
  readonly validUntil: number
  readonly signal: AbortSignal
  readonly system: WatchedSystem
  readonly modes: UndatedModes
}

export type Readable = LiveTombstone & { readonly subject: Subject }

export interface Told {
  readonly tombstone: Readable
  readonly outcome: Outcome
}

/** Erases people anew through the connector's own `erase`. Idempotent by the receipts in the store. */
export class Applying {
  constructor(private readonly now: () => number = Date.now) {}

  /** Under every version of the map that may describe where they are (`underMaps`). */
  async eraseAll(
    run: Run,
    system: WatchedSystem,
    tombstones: readonly Readable[],
    validUntil: number,
    signal: AbortSignal,
    modes: UndatedModes,
  ): Promise<Told[]> {
    const current = await system.currentVersion()
    const told = new Map<string, Told>()
    for (const { version, people: mine } of await underMaps(system, tombstones, run.copyMap)) {
      const session = version === current ? await system.session(version) : await system.olderSession(version)
      if (session === null) continue
      // One receipt for many has room for one version: of the others everybody has their own.
      const together = version === current && run.generation !== undefined
      const of = { run, session, version, together, validUntil, signal, system, modes }
      for (const chunks of inLanes(mine, system, together)) {
        signal.throwIfAborted()
        const outcomes = (await settled(chunks.map((chunk, lane) => this.chunk(of, chunk, lane)))).flat()
        if (outcomes.some(({ errorCode }) => errorCode === 'grant_expired')) throw new PageExpired()
        chunks.flat().forEach((tombstone, index) => {
          const outcome = outcomes[index] ?? unknownOutcome
          const before = told.get(tombstone.tombstoneId)?.outcome
          told.set(tombstone.tombstoneId, { tombstone, outcome: before ? worse(before, outcome) : outcome })
        })
      }
    }
    return [...told.values()]
  }

  /** Together, where the connector can and nobody stands in the way; else as everywhere. */
  private async chunk(of: Under, chunk: readonly Readable[], lane: number): Promise<Outcome[]> {
    const { run, session, version, together, validUntil, signal, system, modes } = of
    const { batchMax, tellsUndated } = system
    const expiresAt = Math.min(this.now() + BATCH_MS, validUntil)
    const passes = chunk.map(
      (one): Pass => ({
        ...passOf(run, one, version, expiresAt),
        undated: modes.get(one.tombstoneId) ?? 'leave',
      }),
    )
    if (together && tellsUndated && session.replay !== undefined && run.generation !== undefined) {
      const told = await session.replay(passes, this.io(run, signal), run.generation * LANES + lane)
      if (told !== null) return told
    }
    const outcomes: Outcome[] = []
    for (let from = 0; from < passes.length; from += batchMax) {
      signal.throwIfAborted()
      outcomes.push(...(await this.careful(of, passes.slice(from, from + batchMax))))
    }
    return outcomes
  }

  /** Nothing undated is erased unless a person decided so; a kind that can't tell is not given what would find it. */
  private async careful(
    { run, session, signal, system }: Under,
    passes: readonly Pass[],
  ): Promise<Outcome[]> {
    if (system.tellsUndated) return this.erase(session, passes, run, signal)
    const canonical = await system.canonical()
    const some = passes.flatMap((pass, at) => {
      const subject = pass.undated === 'take' ? pass.subject : withoutTakenAlong(pass.subject, canonical)
      return subject.identifiers.length > 0 ? [{ at, pass: { ...pass, subject } }] : []
    })
    const outcomes: Outcome[] = passes.map(() => ({ outcome: 'not_found', counts: {} }))
    const wanted = some.map(({ pass }) => pass)
    const erased = wanted.length === 0 ? [] : await this.erase(session, wanted, run, signal)
    some.forEach(({ at }, index) => {
      outcomes[at] = erased[index] ?? unknownOutcome
    })
    return outcomes
  }

  private io(run: Run, signal: AbortSignal): EraseIo {
    return {
      signal: AbortSignal.any([signal, AbortSignal.timeout(BATCH_MS)]),
      now: this.now,
      receipt: ({ requestId, passId }, outcome) => ({
        requestId,
        passId,
        body: JSON.stringify({ run: run.name, outcome: outcome.outcome, counts: outcome.counts }),
      }),
    }
  }

  /** A throw means nothing is known of the batch: everybody of it is tried alone, so that one can't hide the rest. */
  private async erase(
    session: Session,
    passes: readonly Pass[],
    run: Run,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    try {
      return await session.erase(passes, this.io(run, signal))
    } catch (error) {
      signal.throwIfAborted()
      // A store that is away is nobody's failure: the run goes on when it is back.
      if (error instanceof PausedError || error instanceof RetryableError) throw error
      if (passes.length > 1) {
        const half = Math.ceil(passes.length / 2)
        const first = await this.erase(session, passes.slice(0, half), run, signal)
        return [...first, ...(await this.erase(session, passes.slice(half), run, signal))]
      }
      return [failedWith(error instanceof LetheError ? error.code : 'unexpected')]
    }
  }
}

/** Somebody of a page may have been put under a hold since it was read, so the rest of it is read again. */
export class PageExpired extends Error {}

function passOf(
  { name, number, systemId }: Run,
  { requestId, subject, ceilingWaived = false }: Readable,
  version: number,
  expiresAt: number,
): Pass {
  const stepId = `${systemId}#restore`
  return {
    requestId,
    systemId,
    stepId,
    passId: `${stepId}/${name}.${number}.${version}`,
    attempt: 1,
    subject,
    grant: { grantId: name, expiresAt },
    ceilingWaived,
  }
}

/** What is erased at once: a page in as many parts as the store takes, or one batch after the other. */
function inLanes(
  mine: readonly Readable[],
  { batchMax, bulkMax, lanes }: WatchedSystem,
  bulk: boolean,
): Readable[][][] {
  const parts = (size: number): Readable[][] =>
    Array.from({ length: Math.ceil(mine.length / size) }, (_, at) => mine.slice(at * size, (at + 1) * size))
  const size = Math.min(bulkMax, Math.ceil(mine.length / lanes))
  // Receipts of a page have a place for each lane, so a page that is too large for that goes the other way.
  if (bulk && size * lanes >= mine.length) return mine.length === 0 ? [] : [parts(size)]
  return parts(batchMax).map((part) => [part])
}

/** All of them have ended when this does: nothing goes on behind a failure. */
async function settled<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

const failedWith = (errorCode: string): Outcome => ({
  outcome: 'failed',
  counts: {},
  errorCode,
  errorClass: 'terminal',
})
const unknownOutcome = failedWith('no_outcome')

const good = new Set<Outcome['outcome']>(['erased', 'redacted', 'retained', 'expiring'])

export function fateOf({ outcome, errorCode }: Outcome): Fate {
  if (outcome === 'not_found') return { is: 'absent' }
  if (good.has(outcome)) return { is: 'changed' }
  return { is: 'failed', code: errorCode ?? outcome }
}

/** Of two versions of the map the failure counts, then the change. */
function worse(one: Outcome, other: Outcome): Outcome {
  const rank = { failed: 2, changed: 1, absent: 0 }
  const of = (outcome: Outcome) => {
    const { is } = fateOf(outcome)
    return is === 'failed' || is === 'changed' || is === 'absent' ? rank[is] : 0
  }
  return of(other) > of(one) ? other : one
}

/** What is kept of somebody whose data had come back. */
export function replayedOf(
  { tombstoneId, requestId }: Readable,
  { outcome, counts }: Outcome,
  fate: Fate,
): Replayed {
  const errorCode = fate.is === 'failed' ? fate.code : null
  return { tombstoneId, requestId, outcome: errorCode === null ? outcome : 'failed', counts, errorCode }
}
