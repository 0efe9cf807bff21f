import { randomUUID } from 'node:crypto'
import type { PreparedState } from '@lethe/eraser-kit'
import type { Logger } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import { newMarker, originOf } from '../domain/marker.js'
import { type FoundStore, type Verdict, verdictOn } from '../domain/verdict.js'
import { markerAge, service, storeState } from './metrics.js'
import type { WatchedSystem } from './watched-system.js'

export type Look = Verdict | 'unknown'

export interface DetectorParts {
  readonly store: RestoreStore
  readonly secret: string
  readonly incarnation: string
  readonly logger: Logger
  readonly now?: () => number
}

/**
 * Looks whether the store that answers is the copy Lethe knows, and marks it anew. A store that does not answer
 * is unknown: nothing is concluded from silence.
 */
export class Detector {
  private readonly now: () => number

  constructor(private readonly parts: DetectorParts) {
    this.now = parts.now ?? Date.now
  }

  /**
   * One poll. Announces a restore when another copy answers, and says what was seen.
   *
   * @param onMoved before the new place is recorded, when no later look tells of it
   */
  async look(system: WatchedSystem, onMoved?: () => Promise<unknown>): Promise<Look> {
    const { store, logger } = this.parts
    const { systemId } = system
    let found: FoundStore
    let prepared: PreparedState | null
    try {
      const session = await system.restore()
      prepared = (await session.gate.prepared?.()) ?? null
      const [marker, identity] = await Promise.all([session.marker.read(), session.identity()])
      found = { marker, identity }
    } catch (error) {
      storeState.set({ system: systemId, service }, -1)
      logger.warn(
        { system: systemId, err: error },
        'the store does not answer; whether it was restored is unknown',
      )
      return 'unknown'
    }
    const hook = await this.preparedAnew(systemId, prepared)
    const known = await store.marker(systemId)
    const seen = verdictOn(known, found, await store.erasedBefore(systemId))
    // Shut beforehand: somebody says that it is, or will be, a restored copy, whatever its marker says.
    const verdict = hook
      ? 'other'
      : seen === 'other' && this.isYounger(systemId, known, found)
        ? 'moved'
        : seen
    if (verdict === 'moved') await onMoved?.()
    if (verdict === 'other') await this.announce(systemId, known?.confirmedAt ?? null, hook)
    else if (await this.mark(system, found))
      markerAge.set(
        { system: systemId, service },
        known === null ? 0 : (this.now() - known.confirmedAt) / 1_000,
      )
    storeState.set({ system: systemId, service }, verdict === 'other' ? 0 : 1)
    return verdict
  }

  /**
   * After a restore of Lethe's own database the stores show markers that were written since. One of ours that is
   * younger than what the database knows is taken for the store's own; a sweep looks all the same.
   */
  private isYounger(
    systemId: string,
    known: Awaited<ReturnType<RestoreStore['marker']>>,
    { marker }: FoundStore,
  ): boolean {
    if (known === null || !known.adopt) return false
    const { secret, incarnation } = this.parts
    const origin = originOf({ secret, systemId, incarnation }, marker.found)
    return origin.by === 'us' && origin.writtenAt >= known.confirmedAt && marker.receipts >= known.receipts
  }

  /** Replaces the marker; false when somebody else did in the meantime, and the next look will tell. */
  async mark(system: WatchedSystem, found: FoundStore): Promise<boolean> {
    const { store, secret, incarnation } = this.parts
    const { systemId } = system
    const now = this.now()
    const next = newMarker({ secret, systemId, incarnation }, now, await system.currentVersion())
    await store.announceMarker(systemId, next, found.marker.found, now)
    const session = await system.restore()
    if (!(await session.marker.replace(found.marker.found, next))) return false
    await store.confirmMarker(
      systemId,
      next,
      { receipts: found.marker.receipts, identity: found.identity },
      now,
    )
    return true
  }

  /** The id of a restore for which a gate was shut while nobody could tell Lethe, or null. */
  private async preparedAnew(systemId: string, prepared: PreparedState | null): Promise<string | null> {
    if (prepared?.state !== 'shut') return null
    const { restoreId } = prepared
    if (restoreId === null) return randomUUID()
    const { store } = this.parts
    if ((await store.underWay()).some((one) => one.systemId === systemId)) return null
    return (await store.restore(restoreId)) === null ? restoreId : randomUUID()
  }

  private async announce(systemId: string, lastSeen: number | null, hook: string | null): Promise<void> {
    const restoreId = hook ?? randomUUID()
    await this.parts.store.announce({
      restoreId,
      systemId,
      backupId: null,
      announcedBy: hook ? 'hook' : 'marker',
      gateMode: hook ? 'hooked' : 'unhooked',
      announcedAt: this.now(),
    })
    this.parts.logger.error(
      { system: systemId, restoreId, lastSeen },
      hook
        ? 'the gate of the store was shut before anybody could reach the copy: nobody has been in it'
        : 'another copy of the store answers: it was restored, and its gate is being shut',
    )
  }
}
