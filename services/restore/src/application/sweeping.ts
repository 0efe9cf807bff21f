import { setTimeout } from 'node:timers/promises'
import { type Logger, RetryableError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import type { SweepStore } from '../adapters/sweep-store.js'
import { restAfter, type Sweep } from '../domain/sweep.js'
import { countedMany, nothing, seen } from '../domain/tally.js'
import { Applying, cameOf, PageExpired, type Readable } from './applying.js'
import { hasPutOff, isPutOff } from './digest-matching.js'
import { DigestSweep, isShut } from './digest-sweep.js'
import { heldBack } from './held-back.js'
import { service, sweptTotal } from './metrics.js'
import { Newest } from './newest.js'
import { sift } from './sift.js'
import { sightUnderMaps } from './sight-under-maps.js'
import {
  type LiveTombstone,
  lastIdOf,
  sizeOf,
  type TombstonePage,
  type TombstoneSource,
} from './tombstone-source.js'
import { listUndated, modesOf, type Sighted, type UndatedModes } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

const PAGE = 5_000
const SAMPLE_POINTS = 10
const SAMPLE_PAGE = 100
const TRIES = 3

export interface SweepingParts {
  readonly store: RestoreStore
  readonly sweeps: SweepStore
  readonly source: TombstoneSource
  readonly reviews: ReviewStore
  readonly logger: Logger
  /** Of a store's time, above 0 and at most 1. */
  readonly share: number
  readonly now?: () => number
  /** People looked for at a time. */
  readonly pageSize?: number
  readonly rest?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Pages one after the other, or one of them. */
interface Stretch {
  readonly from: string
  readonly limit: number
  readonly last: boolean
}

/** The next page, or why there is none. */
type Read = 'shut' | { readonly page: TombstonePage } | { readonly error: unknown }

/** A page of a sweep, and what was seen of its people. */
interface Looked {
  readonly after: string
  readonly limit: number
  readonly page: TombstonePage
  readonly modes: UndatedModes
  /** How many are certainly absent, seen together. */
  readonly absent: number
  /** Of the others who may be looked at; nobody who is still being erased is told to be there. */
  readonly sights: readonly Sighted[]
  /** Of requests that are done, those of whom nothing is left that they could be found by. */
  readonly unreadable: number
}

/**
 * Looks in a store in use for people who stay absent from it, and erases again whom it finds: what was restored is
 * one table, one index or some rows, and no marker shows that. Rests between pages, stops while a gate is shut, and
 * goes on behind the last page.
 */
export class Sweeping {
  private readonly now: () => number
  private readonly applying: Applying
  private readonly digests: DigestSweep

  constructor(private readonly parts: SweepingParts) {
    this.now = parts.now ?? Date.now
    this.applying = new Applying(this.now)
    const rest = (tookMs: number, signal: AbortSignal) => this.rest(restAfter(tookMs, parts.share), signal)
    this.digests = new DigestSweep({ ...parts, applying: this.applying, now: this.now, rest })
  }

  /** To its end, or as far as it goes. Idempotent: a page that was not recorded is done again. */
  async run(begun: Sweep, system: WatchedSystem, signal: AbortSignal): Promise<Sweep> {
    const { sweeps } = this.parts
    let sweep = begun
    // Whether the pages before a crash had somebody is not known.
    let putOff = begun.cursor !== ''
    // While people are looked for: a page that is done again after a crash comes to the same.
    const records = new Newest<Sweep>((now) => sweeps.record(now))
    try {
      for (const stretch of await this.stretches(begun)) {
        let began = performance.now()
        for await (const looked of this.looks(sweep, system, stretch, signal)) {
          if (looked === null) return sweep
          const { residual, restoreId } = sweep
          sweep = await this.swept(sweep, system, looked, signal)
          const hasFound = sweep.residual > residual || sweep.restoreId !== restoreId
          putOff ||= hasPutOff(looked.page)
          const end = lastIdOf(looked.page)
          if (end !== undefined && sweep.kind === 'full') sweep = { ...sweep, cursor: end }
          records.put(sweep)
          // Whoever was found is erased, and a page that is done again would not tell of them.
          if (hasFound) await records.written()
          await this.rest(restAfter(performance.now() - began, this.parts.share), signal)
          began = performance.now()
        }
      }
      await records.written()
    } finally {
      // Nothing is recorded behind a failure's back.
      await records.idle()
    }
    if (putOff && sweep.kind === 'full') {
      const done = await this.digests.sweep(sweep, system, signal)
      if (done === null) return sweep
      sweep = done
    }
    sweep = { ...sweep, finishedAt: this.now() }
    await sweeps.record(sweep)
    return sweep
  }

  private async stretches(sweep: Sweep): Promise<Stretch[]> {
    if (sweep.kind === 'full')
      return [{ from: sweep.cursor, limit: this.parts.pageSize ?? PAGE, last: false }]
    const points = await this.parts.sweeps.startingPoints(sweep.systemId, SAMPLE_POINTS, this.now())
    return points.map((from) => ({ from, limit: SAMPLE_PAGE, last: true }))
  }

  /**
   * Page by page, in their order; null where a gate was shut meanwhile. A sweep that has all of a store's time reads on
   * while people of a page are looked for; the others rest in between.
   */
  private async *looks(
    sweep: Sweep,
    system: WatchedSystem,
    { from, limit, last }: Stretch,
    signal: AbortSignal,
  ): AsyncGenerator<Looked | null> {
    const isRestless = this.parts.share === 1
    const lanes = isRestless ? system.lanes : 1
    const underWay: Promise<Looked>[] = []
    let reading: Promise<Read> | null = null
    // Met behind the pages before it, which are recorded first.
    let failure: { readonly error: unknown } | null = null
    try {
      for (let after: string | null = from; after !== null || underWay.length > 0; ) {
        signal.throwIfAborted()
        if (after === null || underWay.length === lanes) {
          yield (await underWay[0]) as Looked
          underWay.shift()
          continue
        }
        const read: Read = await (reading ?? this.read(sweep, after, limit))
        reading = null
        if (read === 'shut') {
          yield null
          return
        }
        if ('error' in read) {
          failure = read
          after = null
          continue
        }
        underWay.push(heldBack(this.look(sweep, system, { ...read, after, limit }, signal)))
        const isEnd: boolean = last || sizeOf(read.page) < limit
        after = isEnd ? null : (lastIdOf(read.page) ?? null)
        if (after !== null && isRestless) reading = this.read(sweep, after, limit)
      }
      if (failure !== null) throw failure.error
    } finally {
      await Promise.allSettled([...underWay, reading])
    }
  }

  /** Never rejects: a page that is read ahead fails when it is its turn. */
  private async read(sweep: Sweep, after: string, limit: number): Promise<Read> {
    try {
      if (await isShut(this.parts.store, sweep.systemId)) return 'shut'
      return { page: await this.page(sweep, after, limit) }
    } catch (error) {
      return { error }
    }
  }

  private async look(
    { systemId }: Sweep,
    system: WatchedSystem,
    where: Pick<Looked, 'page' | 'after' | 'limit'>,
    signal: AbortSignal,
  ): Promise<Looked> {
    const { sweeps, reviews } = this.parts
    const { tombstones, absent } = await sift(system, where.page, reviews, signal)
    const people = tombstones.filter(isReadable)
    const unreadable = tombstones.filter(isUnreadable)
    const modes = await modesOf(reviews, systemId, people)
    const sights = await sightUnderMaps(system, people, modes, signal)
    const unclear = sights.filter((sighted) => !isClean(sighted))
    const asked = [...unclear.map(({ tombstone }) => tombstone), ...unreadable]
    const pending = await sweeps.pending(asked.map(({ requestId }) => requestId))
    const isDone = ({ requestId }: LiveTombstone) => !pending.has(requestId)
    // Who was being erased when they were looked for, and was done when that was asked, is gone by now.
    const again = unclear.map(({ tombstone }) => tombstone).filter(isDone)
    const certain = await sightUnderMaps(system, again, modes, signal)
    return {
      ...where,
      modes,
      absent,
      sights: asked.length === 0 ? sights : [...sights.filter(isClean), ...certain],
      unreadable: unreadable.filter(isDone).length,
    }
  }

  private page({ systemId, sweepId }: Sweep, after: string, limit: number): Promise<TombstonePage> {
    return this.parts.source.page(systemId, `sweep-${sweepId}`, after, limit)
  }

  private async swept(
    sweep: Sweep,
    system: WatchedSystem,
    looked: Looked,
    signal: AbortSignal,
  ): Promise<Sweep> {
    const { systemId } = sweep
    const { sights, modes, absent } = looked
    const { reviews } = this.parts
    await listUndated(reviews, { systemId, restoreId: sweep.sweepId }, sights, modes, this.now())
    tell(systemId, sights, absent)
    const back = sights.filter(({ finding }) => finding.result === 'residual')
    const probed = sweep.probed + absent + sights.length
    await this.admit(sweep, looked)
    // What was found or could not be looked at is a restore under the sweep's own id, so a page done again adds no other.
    const restoreId = sweep.sweepId
    const unclear = isUnclear(looked)
    if (back.length === 0) return { ...sweep, probed, restoreId: unclear ? restoreId : sweep.restoreId }
    const { residual: found } = seen(
      nothing,
      back.map(({ finding }) => finding),
    )
    this.parts.logger.error(
      { system: systemId, sweepId: sweep.sweepId, people: back.length, found },
      'people who were erased are back in a store in use; they are erased again',
    )
    const ids = new Set(back.map(({ tombstone }) => tombstone.tombstoneId))
    await this.eraseAgain(sweep, system, ids, looked, signal)
    return { ...sweep, probed, residual: sweep.residual + back.length, restoreId }
  }

  /** Who could not be looked for is not clean: it is kept and shown, and the sweep says so. */
  private async admit({ sweepId, systemId }: Sweep, looked: Looked): Promise<void> {
    if (!isUnclear(looked)) return
    const { sights, unreadable } = looked
    const unclear = sights.flatMap(({ finding }) => (finding.result === 'inconclusive' ? [finding] : []))
    const tally = { ...seen(nothing, unclear), unreadable }
    this.parts.logger.error(
      { system: systemId, sweepId, inconclusive: tally.inconclusive, unreadable: tally.unreadable },
      'people could not be looked for in a store in use',
    )
    await this.parts.store.recordFound(
      { restoreId: sweepId, systemId, announcedAt: this.now(), ...tally },
      [],
    )
  }

  /** Reads the page anew once holds wait for it: one that was placed since is respected. */
  private async eraseAgain(
    sweep: Sweep,
    system: WatchedSystem,
    ids: ReadonlySet<string>,
    where: { readonly after: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { sweeps, store, reviews } = this.parts
    const { systemId } = sweep
    await sweeps.erasing(systemId, true, this.now())
    for (let attempt = 1; ; attempt++) {
      const page = await this.page(sweep, where.after, where.limit)
      const people = page.tombstones.filter(isReadable).filter(({ tombstoneId }) => ids.has(tombstoneId))
      const run = { name: `sweep-${sweep.sweepId}`, number: attempt, systemId }
      try {
        const modes = await modesOf(reviews, systemId, people)
        const told = await this.applying.eraseAll(run, system, people, page.validUntil, signal, modes)
        const { fates, replayed } = cameOf(told)
        const left = await sightUnderMaps(system, people, modes, signal)
        await listUndated(reviews, { systemId, restoreId: sweep.sweepId }, left, modes, this.now())
        const tally = seen(
          countedMany(nothing, fates),
          left.map(({ finding }) => finding),
        )
        await store.recordFound(
          { restoreId: sweep.sweepId, systemId, announcedAt: this.now(), ...tally },
          replayed,
        )
        break
      } catch (error) {
        if (!(error instanceof PageExpired)) throw error
        if (attempt === TRIES)
          throw new RetryableError('sweep_too_slow', 'The store takes longer than a page lives.')
      }
    }
    await sweeps.erasing(systemId, false, this.now())
  }

  private rest(ms: number, signal: AbortSignal): Promise<void> {
    return (this.parts.rest ?? resting)(ms, signal)
  }
}

/** Those that may be looked at: under a hold, or without identifiers, nobody is. */
const isReadable = (one: LiveTombstone): one is Readable => !one.held && one.subject !== null

/** Nothing is left that they could be found by. */
const isUnreadable = (one: LiveTombstone): boolean => !one.held && one.subject === null && !isPutOff(one)

/** Neither they nor anything that may be somebody's who came back is there. */
const isClean = ({ finding, undated }: Sighted): boolean =>
  finding.result === 'clean' && Object.keys(undated).length === 0

const isUnclear = ({ unreadable, sights }: Looked): boolean =>
  unreadable > 0 || sights.some(({ finding }) => finding.result === 'inconclusive')

function tell(system: string, sights: readonly Sighted[], absent: number): void {
  const counts = new Map<string, number>(absent > 0 ? [['clean', absent]] : [])
  for (const { finding } of sights) counts.set(finding.result, (counts.get(finding.result) ?? 0) + 1)
  for (const [result, many] of counts) sweptTotal.inc({ system, result, service }, many)
}

/** Ends early when it is to stop. */
const resting = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal }).catch(() => undefined)
