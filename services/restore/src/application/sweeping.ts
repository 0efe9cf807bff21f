import { setTimeout } from 'node:timers/promises'
import { type Logger, RetryableError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import type { SweepStore } from '../adapters/sweep-store.js'
import type { Replayed } from '../domain/restore.js'
import { restAfter, type Sweep } from '../domain/sweep.js'
import { counted, type Fate, nothing, seen } from '../domain/tally.js'
import { Applying, fateOf, PageExpired, type Readable, replayedOf } from './applying.js'
import { isPutOff } from './digest-matching.js'
import { DigestSweep, isShut } from './digest-sweep.js'
import { service, sweptTotal } from './metrics.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { TombstonePage, TombstoneSource } from './tombstone-source.js'
import { listUndated, modesOf, type Sighted as Seen } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

const PAGE = 2_500
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
    for (const { from, limit, last } of await this.stretches(begun)) {
      let after = from
      for (;;) {
        signal.throwIfAborted()
        if (await isShut(this.parts.store, sweep.systemId)) return sweep
        const began = performance.now()
        const page = await this.page(sweep, after, limit)
        sweep = await this.swept(sweep, system, page, { after, limit }, signal)
        putOff ||= page.tombstones.some(isPutOff)
        const end = page.tombstones.at(-1)?.tombstoneId
        if (end !== undefined && sweep.kind === 'full') sweep = { ...sweep, cursor: end }
        const done = last || page.tombstones.length < limit
        await sweeps.record(sweep)
        await this.rest(restAfter(performance.now() - began, this.parts.share), signal)
        if (done || end === undefined) break
        after = end
      }
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

  private async stretches(sweep: Sweep): Promise<{ from: string; limit: number; last: boolean }[]> {
    if (sweep.kind === 'full')
      return [{ from: sweep.cursor, limit: this.parts.pageSize ?? PAGE, last: false }]
    const points = await this.parts.sweeps.startingPoints(sweep.systemId, SAMPLE_POINTS, this.now())
    return points.map((from) => ({ from, limit: SAMPLE_PAGE, last: true }))
  }

  private page({ systemId, sweepId }: Sweep, after: string, limit: number): Promise<TombstonePage> {
    return this.parts.source.page(systemId, `sweep-${sweepId}`, after, limit)
  }

  private async swept(
    sweep: Sweep,
    system: WatchedSystem,
    page: TombstonePage,
    where: { readonly after: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<Sweep> {
    const { systemId } = sweep
    const done = await this.parts.sweeps.completed(page.tombstones.map(({ requestId }) => requestId))
    const people = readable(page).filter(({ requestId }) => done.has(requestId))
    const { reviews } = this.parts
    const modes = await modesOf(reviews, systemId, people)
    const sights = await sightUnderMaps(system, people, modes, signal)
    await listUndated(reviews, { systemId, restoreId: sweep.sweepId }, sights, modes, this.now())
    for (const { finding } of sights) sweptTotal.inc({ system: systemId, result: finding.result, service })
    const back = sights.filter(({ finding }) => finding.result === 'residual')
    const probed = sweep.probed + people.length
    await this.admit(sweep, page, done, sights)
    // What was found or could not be looked at is a restore under the sweep's own id, so a page done again adds no other.
    const restoreId = sweep.sweepId
    const unclear = isUnclear(page, done, sights)
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
    await this.eraseAgain(sweep, system, ids, where, signal)
    return { ...sweep, probed, residual: sweep.residual + back.length, restoreId }
  }

  /** Who could not be looked for is not clean: it is kept and shown, and the sweep says so. */
  private async admit(
    { sweepId, systemId }: Sweep,
    page: TombstonePage,
    done: ReadonlySet<string>,
    sights: readonly Seen[],
  ): Promise<void> {
    if (!isUnclear(page, done, sights)) return
    const unclear = sights.flatMap(({ finding }) => (finding.result === 'inconclusive' ? [finding] : []))
    const tally = { ...seen(nothing, unclear), unreadable: unreadable(page, done).length }
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
      const people = readable(page).filter(({ tombstoneId }) => ids.has(tombstoneId))
      const run = { name: `sweep-${sweep.sweepId}`, number: attempt, systemId }
      try {
        const modes = await modesOf(reviews, systemId, people)
        const told = await this.applying.eraseAll(run, system, people, page.validUntil, signal, modes)
        const fates: Fate[] = []
        const replayed: Replayed[] = []
        for (const { tombstone, outcome } of told) {
          const fate = fateOf(outcome)
          fates.push(fate)
          if (fate.is !== 'absent') replayed.push(replayedOf(tombstone, outcome, fate))
        }
        const left = await sightUnderMaps(system, people, modes, signal)
        await listUndated(reviews, { systemId, restoreId: sweep.sweepId }, left, modes, this.now())
        const tally = seen(
          counted(nothing, fates),
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
const readable = (page: TombstonePage): Readable[] =>
  page.tombstones.filter((one): one is Readable => !one.held && one.subject !== null)

/** Of requests that are done, those of whom nothing is left that they could be found by. */
const unreadable = (page: TombstonePage, done: ReadonlySet<string>) =>
  page.tombstones.filter(
    (one) => !one.held && one.subject === null && !isPutOff(one) && done.has(one.requestId),
  )

const isUnclear = (page: TombstonePage, done: ReadonlySet<string>, sights: readonly Seen[]): boolean =>
  unreadable(page, done).length > 0 || sights.some(({ finding }) => finding.result === 'inconclusive')

/** Ends early when it is to stop. */
const resting = (ms: number, signal: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, { signal }).catch(() => undefined)
