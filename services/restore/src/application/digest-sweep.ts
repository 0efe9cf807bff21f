import type { ProbeFinding } from '@lethe/eraser-kit'
import type { Logger } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { SweepStore } from '../adapters/sweep-store.js'
import type { Sweep } from '../domain/sweep.js'
import { nothing, seen } from '../domain/tally.js'
import { replayedOf } from './applying.js'
import { type ErasingParts, eraseFound } from './digest-erasing.js'
import { DigestMatching, type Found, isPutOff } from './digest-matching.js'
import { service, sweptTotal } from './metrics.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { LiveTombstone, TombstoneSource } from './tombstone-source.js'
import { listUndated, modesOf } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

export interface DigestSweepParts extends ErasingParts {
  readonly store: RestoreStore
  readonly sweeps: SweepStore
  readonly source: TombstoneSource
  readonly logger: Logger
  readonly now: () => number
  /** As long as sweeping asks for after work of that many milliseconds. */
  readonly rest: (tookMs: number, signal: AbortSignal) => Promise<void>
}

/** Looks in a store in use for people of whom only digests are left, behind all pages of a sweep. */
export class DigestSweep {
  private readonly matching: DigestMatching

  constructor(private readonly parts: DigestSweepParts) {
    this.matching = new DigestMatching(parts.source)
  }

  /** Null when a gate was shut meanwhile: the sweep goes on later. Idempotent: what was erased is not found again. */
  async sweep(sweep: Sweep, system: WatchedSystem, signal: AbortSignal): Promise<Sweep | null> {
    const { store, rest } = this.parts
    const shut = new AbortController()
    const stopped = AbortSignal.any([signal, shut.signal])
    const back = new Set<string>()
    const unclear = new Map<string, ProbeFinding>()
    const reading = {
      system,
      reason: nameOf(sweep),
      signal: stopped,
      among: (tombstones: readonly LiveTombstone[]) => this.doneOf(tombstones),
      found: (ask: () => Promise<Found>, last: boolean) =>
        this.found(sweep, system, ask, { back, unclear, last, signal: stopped }),
      rest: async (tookMs: number) => {
        await rest(tookMs, stopped)
        if (await isShut(store, sweep.systemId)) shut.abort()
        stopped.throwIfAborted()
      },
    }
    try {
      const matched = await this.matching.match(reading)
      const missing = matched?.lost ?? (await this.matching.count(reading)) - back.size
      if (missing > 0 || unclear.size > 0) await this.admit(sweep, missing, [...unclear.values()])
      const probed = matched === null ? back.size : matched.sought
      this.tell(sweep, { clean: probed - back.size - unclear.size, residual: back.size })
      const isKept = back.size > 0 || missing > 0 || unclear.size > 0
      return {
        ...sweep,
        probed: sweep.probed + probed,
        residual: sweep.residual + back.size,
        restoreId: isKept ? sweep.sweepId : sweep.restoreId,
      }
    } catch (error) {
      signal.throwIfAborted()
      if (shut.signal.aborted) return null
      throw error
    }
  }

  /** Looks first, and asks again behind the sign that holds wait for: one that was placed in between is respected. */
  private async found(
    sweep: Sweep,
    system: WatchedSystem,
    ask: () => Promise<Found>,
    of: { back: Set<string>; unclear: Map<string, ProbeFinding>; last: boolean; signal: AbortSignal },
  ): Promise<boolean> {
    const { reviews, sweeps, store, now, logger } = this.parts
    const { systemId, sweepId: restoreId } = sweep
    const { people } = await ask()
    if (people.length === 0) return false
    const modes = await modesOf(reviews, systemId, people)
    const sights = await sightUnderMaps(system, people, modes, of.signal)
    await listUndated(reviews, { systemId, restoreId }, sights, modes, now())
    const residual = new Set<string>()
    for (const { tombstone, finding } of sights) {
      if (finding.result === 'residual') residual.add(tombstone.tombstoneId)
      if (finding.result === 'inconclusive') of.unclear.set(tombstone.tombstoneId, finding)
    }
    if (residual.size === 0) return false
    logger.error(
      { system: systemId, sweepId: restoreId, people: residual.size },
      'people of whom only digests are left are back in a store in use; they are erased again',
    )
    await sweeps.erasing(systemId, true, now())
    const again = await ask()
    const { validUntil } = again
    const wanted = { validUntil, people: again.people.filter(({ tombstoneId }) => residual.has(tombstoneId)) }
    const run = { name: nameOf(sweep), number: 1, systemId }
    const told = await eraseFound(this.parts, system, wanted, run, of.signal)
    await listUndated(reviews, { systemId, restoreId }, told.sights, told.modes, now())
    const kept = told
      .erased()
      .filter(({ fate }) => fate.is === 'changed' || (fate.is === 'failed' && of.last))
    const replayed = kept.map(({ tombstone, outcome, fate }) => replayedOf(tombstone, outcome, fate))
    const left = seen(nothing, of.last ? told.sights.map(({ finding }) => finding) : [])
    await store.recordFound({ restoreId, systemId, announcedAt: now(), ...left }, replayed)
    await sweeps.erasing(systemId, false, now())
    for (const id of residual) of.back.add(id)
    return told.failed
  }

  /** Those that are put off, of requests that are done: of the others whoever is found is still being erased. */
  private async doneOf(tombstones: readonly LiveTombstone[]): Promise<LiveTombstone[]> {
    const own = tombstones.filter(isPutOff)
    const pending = await this.parts.sweeps.pending(own.map(({ requestId }) => requestId))
    return own.filter(({ requestId }) => !pending.has(requestId))
  }

  /** Who could not be looked for is not clean. */
  private async admit(
    { sweepId, systemId }: Sweep,
    unreadable: number,
    unclear: readonly ProbeFinding[],
  ): Promise<void> {
    const { store, logger, now } = this.parts
    const tally = { ...seen(nothing, unclear), unreadable }
    const { inconclusive } = tally
    logger.error(
      { system: systemId, sweepId, unreadable, inconclusive },
      'people could not be looked for by their digests',
    )
    await store.recordFound({ restoreId: sweepId, systemId, announcedAt: now(), ...tally }, [])
  }

  private tell(
    { systemId: system }: Sweep,
    counts: { readonly clean: number; readonly residual: number },
  ): void {
    for (const [result, count] of Object.entries(counts))
      if (count > 0) sweptTotal.inc({ system, result, service }, count)
  }
}

const nameOf = ({ sweepId }: Sweep): string => `sweep-${sweepId}`

export async function isShut(store: Pick<RestoreStore, 'gates'>, systemId: string): Promise<boolean> {
  return (await store.gates()).some((gate) => gate.systemId === systemId && gate.state === 'shut')
}
