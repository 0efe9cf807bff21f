import {
  type EraseIo,
  type Outcome,
  type Pass,
  replayOf,
  type Session,
  type Subject,
} from '@lethe/eraser-kit'
import { LetheError, PausedError, RetryableError } from '@lethe/service-host'
import { type ReplayedKind, ReplayedKinds } from '../domain/replayed-kinds.js'
import type { Replayed } from '../domain/restore.js'
import type { Fate } from '../domain/tally.js'
import type { LiveTombstone, PagePeople } from './tombstone-source.js'
import { type UndatedModes, withoutTakenAlong } from './undated.js'
import { onlyInForce, underMaps } from './under-maps.js'
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
   * Set where a whole store is replayed: which receipt this page's replaces, below 16. Whoever sets it has recorded what
   * the page before said under the same number.
   */
  readonly slot?: number
  /** All of a page at once was tried, and somebody stood in the way. */
  readonly isTried?: true
}

/** What all of a page at once came to. */
export type Tried =
  | { readonly outcomes: readonly Outcome[] }
  /** Nothing was changed, and they are to be erased otherwise, by this run. */
  | { readonly otherwise: Run }

interface Under {
  readonly run: Run
  readonly session: Session
  readonly version: number
  /** Of one receipt for many, where the connector can; undefined: everybody has their own. */
  readonly slot: number | undefined
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
    const told = new Map<string, Outcome>()
    const maps = await underMaps(system, tombstones, run.copyMap)
    for (const { version, isInForce, people } of maps) {
      const session = isInForce ? await system.session(version) : await system.olderSession(version)
      if (session === null) continue
      // One receipt has room for one version and one batch: of the others everybody has their own.
      const slot = isInForce && people.length <= system.bulkMax ? run.slot : undefined
      const of = { run, session, version, slot, validUntil, signal, system, modes }
      const came: Outcome[] = []
      for (const some of parted(people, slot === undefined ? system.batchMax : people.length)) {
        signal.throwIfAborted()
        const outcomes = await this.chunk(of, some)
        if (outcomes.some(({ errorCode }) => errorCode === 'grant_expired')) throw new PageExpired()
        if (maps.length === 1 && some.length === people.length) return toldOf(people, outcomes)
        for (let at = 0; at < some.length; at++) came.push(outcomes[at] ?? unknownOutcome)
      }
      if (maps.length === 1) return toldOf(people, came)
      for (const [at, { tombstoneId }] of people.entries()) {
        const before = told.get(tombstoneId)
        const outcome = came[at] ?? unknownOutcome
        told.set(tombstoneId, before ? worse(before, outcome) : outcome)
      }
    }
    const known = tombstones.filter(({ tombstoneId }) => told.has(tombstoneId))
    return toldOf(
      known,
      known.map(({ tombstoneId }) => told.get(tombstoneId) ?? unknownOutcome),
    )
  }

  /**
   * As `eraseAll`, of people in columns whom nobody decided anything about: no object is made of anybody. Only where the
   * connector can, one receipt has room for them, and the map in force alone says where they are.
   */
  async eraseColumns(
    run: Run,
    system: WatchedSystem,
    people: PagePeople,
    validUntil: number,
    signal: AbortSignal,
  ): Promise<Tried> {
    const { slot, copyMap } = run
    const otherwise = { otherwise: run }
    if (slot === undefined || !system.tellsUndated || people.size > system.bulkMax) return otherwise
    const version = await onlyInForce(system, people.mapVersion, copyMap)
    if (version === null) return otherwise
    const session = await system.session(version)
    if (session.replay === undefined) return otherwise
    signal.throwIfAborted()
    const { passId, grant } = passesOf(run, version, Math.min(this.now() + BATCH_MS, validUntil))
    const { requestIds, columns, ceilingWaived } = people
    const passes = { passId, grant, requestIds, people: columns, ceilingWaived, taken: new Set<number>() }
    const outcomes = await session.replay(passes, this.io(run, signal), slot)
    return outcomes === null ? { otherwise: { ...run, isTried: true } } : { outcomes }
  }

  /** Together, where the connector can and nobody stands in the way; else as everywhere. */
  private async chunk(of: Under, chunk: readonly Readable[]): Promise<Outcome[]> {
    const { run, session, version, slot, validUntil, signal, system, modes } = of
    const { batchMax, tellsUndated } = system
    const expiresAt = Math.min(this.now() + BATCH_MS, validUntil)
    const { systemId, stepId, passId, grant } = passesOf(run, version, expiresAt)
    // Field by field: copying them from one object costs ten times as much. An id of each is only made where it is used.
    const passes = chunk.map((one): Pass => {
      const { requestId, subject, ceilingWaived = false } = one
      const undated = modes.size === 0 ? 'leave' : (modes.get(one.tombstoneId) ?? 'leave')
      return { requestId, systemId, stepId, passId, attempt: 1, subject, grant, ceilingWaived, undated }
    })
    if (slot !== undefined && !run.isTried && tellsUndated && session.replay !== undefined) {
      const told = await session.replay(replayOf(passes), this.io(run, signal), slot)
      if (told !== null) return told
    }
    const outcomes: Outcome[] = []
    for (const some of parted(passes, batchMax)) {
      signal.throwIfAborted()
      outcomes.push(...(await this.careful(of, some)))
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

/** What all passes of a batch have in common. */
function passesOf({ name, number, systemId }: Run, version: number, expiresAt: number) {
  const stepId = `${systemId}#restore`
  const grant = { grantId: name, expiresAt }
  return { systemId, stepId, passId: `${stepId}/${name}.${number}.${version}`, grant }
}

function* parted<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size)
    yield from === 0 && all.length <= size ? all : all.slice(from, from + size)
}

export const toldOf = (people: readonly Readable[], outcomes: readonly Outcome[]): Told[] =>
  people.map((tombstone, at) => ({ tombstone, outcome: outcomes[at] ?? unknownOutcome }))

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

/** What came of many people; the same outcome often is one object. */
export function cameOf(told: readonly Told[]): {
  readonly fates: readonly (readonly [Fate, number])[]
  readonly replayed: Replayed[]
} {
  const fates = new Map<Outcome, [Fate, number]>()
  const replayed: Replayed[] = []
  for (const { tombstone, outcome } of told) {
    const known: [Fate, number] = fates.get(outcome) ?? [fateOf(outcome), 0]
    if (known[1]++ === 0) fates.set(outcome, known)
    if (known[0].is !== 'absent') replayed.push(replayedOf(tombstone, outcome, known[0]))
  }
  return { fates: [...fates.values()], replayed }
}

/** The same of people in columns. */
export function cameInColumns(
  { tombstoneIds, requestIds }: PagePeople,
  outcomes: readonly Outcome[],
): { readonly fates: readonly (readonly [Fate, number])[]; readonly replayed: readonly ReplayedKind[] } {
  const kinds = new ReplayedKinds()
  const known = new Map<Outcome, { readonly fate: Fate; many: number; readonly kind: Kind | null }>()
  for (let at = 0; at < tombstoneIds.length; at++) {
    const outcome = outcomes[at] ?? unknownOutcome
    let came = known.get(outcome)
    if (came === undefined) {
      const fate = fateOf(outcome)
      came = { fate, many: 0, kind: fate.is === 'absent' ? null : kinds.kind(replayedAs(outcome, fate)) }
      known.set(outcome, came)
    }
    came.many++
    came.kind?.tombstoneIds.push(tombstoneIds[at] as string)
    came.kind?.requestIds.push(requestIds[at] as string)
  }
  return { fates: [...known.values()].map(({ fate, many }) => [fate, many]), replayed: kinds.all }
}

type Kind = ReturnType<ReplayedKinds['kind']>

/** What is kept of somebody whose data had come back. */
export const replayedOf = ({ tombstoneId, requestId }: Readable, outcome: Outcome, fate: Fate): Replayed => {
  const { outcome: came, counts, errorCode } = replayedAs(outcome, fate)
  return { tombstoneId, requestId, outcome: came, counts, errorCode }
}

function replayedAs(
  { outcome, counts }: Outcome,
  fate: Fate,
): Pick<Replayed, 'outcome' | 'counts' | 'errorCode'> {
  const errorCode = fate.is === 'failed' ? fate.code : null
  return { outcome: errorCode === null ? outcome : 'failed', counts, errorCode }
}
