import { randomUUID } from 'node:crypto'
import type { Logger } from '@lethe/service-host'
import type { SweepStore } from '../adapters/sweep-store.js'
import type { Turns } from '../adapters/turns.js'
import { due, type Schedule, type Sweep } from '../domain/sweep.js'
import { service, sweepEnded } from './metrics.js'
import type { Sweeping } from './sweeping.js'
import type { WatchedSystem } from './watched-system.js'

export interface SweepsParts {
  readonly systems: ReadonlyMap<string, WatchedSystem>
  readonly sweeps: SweepStore
  readonly sweeping: Sweeping
  readonly turns: Turns
  readonly schedule: Schedule
  readonly logger: Logger
  readonly now?: () => number
}

/** Starts the sweeps that are due, one at a time per system, whichever instance comes first. */
export class Sweeps {
  private readonly busy = new Map<string, Promise<void>>()
  private readonly stopping = new AbortController()
  private readonly now: () => number

  constructor(private readonly parts: SweepsParts) {
    this.now = parts.now ?? Date.now
  }

  /** Does not wait for the sweeps it starts. */
  async round(): Promise<void> {
    for (const system of this.parts.systems.values()) {
      const { systemId } = system
      if (this.busy.has(systemId) || this.stopping.signal.aborted) continue
      this.busy.set(
        systemId,
        this.inTurn(system).finally(() => this.busy.delete(systemId)),
      )
    }
  }

  /** A full one, from the first tombstone; one that is under way gives way to it. */
  async ask(systemId: string): Promise<Sweep> {
    const sweep = await this.parts.sweeps.start(randomUUID(), systemId, 'full', this.now())
    await this.round()
    return sweep
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.allSettled(this.busy.values())
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.idle()
  }

  private async inTurn(system: WatchedSystem): Promise<void> {
    const { systemId } = system
    const { turns, logger } = this.parts
    const { signal } = this.stopping
    try {
      await turns.take(`sweep/${systemId}`, (lost) => this.next(system, AbortSignal.any([signal, lost])))
    } catch (error) {
      if (!signal.aborted)
        logger.error({ system: systemId, err: error }, 'a sweep could not go on; it is tried again')
    }
  }

  private async next(system: WatchedSystem, signal: AbortSignal): Promise<void> {
    const { sweeps, sweeping, schedule } = this.parts
    const { systemId } = system
    const [unfinished, last] = await Promise.all([sweeps.unfinished(systemId), sweeps.lastEnded(systemId)])
    if (last.full !== null) sweepEnded.set({ system: systemId, service }, last.full / 1_000)
    const kind = due(schedule, this.now(), { ...last, unfinished: unfinished !== null })
    if (kind === null) return
    const sweep =
      (kind === 'full' ? unfinished : null) ?? (await sweeps.start(randomUUID(), systemId, kind, this.now()))
    const { finishedAt } = await sweeping.run(sweep, system, signal)
    // Older ones that were overtaken are done with it.
    if (kind === 'full' && finishedAt !== null) await sweeps.overtake(systemId, sweep.startedAt, finishedAt)
  }
}
