import { type Logger, RetryableError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { Turns } from '../adapters/turns.js'
import type { Announcer, GateMode } from '../domain/restore.js'
import type { Detector } from './detector.js'
import { gateOpen, service } from './metrics.js'
import type { Runs } from './runs.js'
import type { Sweeps } from './sweeps.js'
import type { WatchedSystem } from './watched-system.js'

export interface Announcement {
  readonly restoreId: string
  readonly systemId: string
  readonly backupId: string | null
  readonly announcedBy: Announcer
  readonly gateMode: GateMode
  readonly announcedAt: number
}

/** How long a decision of a person waits for the instance that is looking after the system, milliseconds. */
const DECISION_WAIT_MS = 20_000

/** One round over all watched stores at a time; a store that hangs must not hold up the others. */
export class Guard {
  private readonly busy = new Map<string, Promise<void>>()
  private readonly stopping = new AbortController()

  constructor(
    private readonly systems: ReadonlyMap<string, WatchedSystem>,
    private readonly store: RestoreStore,
    private readonly detector: Detector,
    private readonly runs: Runs,
    private readonly turns: Turns,
    private readonly sweeps: Pick<Sweeps, 'ask'>,
    private readonly logger: Logger,
    /** Null when decisions may rest on Lethe's own database. */
    private readonly blocked: () => Promise<string | null> = async () => null,
  ) {}

  /** Looks after every system that nobody looks after at the moment. Does not wait for long replays. */
  async round(): Promise<void> {
    // What an older copy of Lethe's database says of markers and gates is wrong: gates stay as they are.
    if ((await this.blocked()) !== null) return
    for (const system of this.systems.values()) {
      const { systemId } = system
      if (this.busy.has(systemId)) continue
      const work = this.inTurn(system).finally(() => this.busy.delete(systemId))
      this.busy.set(systemId, work)
    }
    const shut = new Set(
      (await this.store.gates()).filter(({ state }) => state === 'shut').map((gate) => gate.systemId),
    )
    for (const systemId of this.systems.keys())
      gateOpen.set({ system: systemId, service }, shut.has(systemId) ? 0 : 1)
  }

  /** Work on one watched system while no round of any instance looks after it. Throws what the work throws. */
  async alone(systemId: string, work: (system: WatchedSystem) => Promise<void>): Promise<void> {
    while (this.busy.has(systemId)) await this.busy.get(systemId)
    const system = this.systems.get(systemId)
    if (system === undefined) throw new Error(`${systemId} is not watched`)
    if ((await this.blocked()) !== null)
      throw new RetryableError('lethe_restored', "Lethe's own database was restored; run: lethe restore self")
    const running = this.turns
      .take(systemId, () => work(system), { wait: DECISION_WAIT_MS })
      .then((taken) => {
        if (!taken) throw new RetryableError('busy', 'Another instance works on this system; ask again.')
      })
    const settled = running.catch(() => undefined).finally(() => this.busy.delete(systemId))
    this.busy.set(systemId, settled)
    await running
  }

  /** Idempotent by id. The system must be one of those watched, or nobody will look after it. */
  async announce(announcement: Announcement): Promise<void> {
    await this.store.announce(announcement)
    await this.round()
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.allSettled(this.busy.values())
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.idle()
    await Promise.allSettled([...this.systems.values()].map((system) => system.close()))
  }

  private async inTurn(system: WatchedSystem): Promise<void> {
    const { signal } = this.stopping
    try {
      await this.turns.take(system.systemId, (lost) =>
        this.lookAfter(system, AbortSignal.any([signal, lost])),
      )
    } catch (error) {
      if (signal.aborted) return
      const { systemId } = system
      this.logger.error({ system: systemId, err: error }, 'a restore could not go on; it is tried again')
    }
  }

  private async lookAfter(system: WatchedSystem, signal: AbortSignal): Promise<void> {
    const { systemId } = system
    // Read here and not by the round: between the two somebody may have opened the gate.
    const restore = (await this.store.underWay()).find((one) => one.systemId === systemId)
    // While a gate waits for a person, the server may forget that it is shut, and yet another copy may come in.
    if (restore !== undefined) await this.runs.keepShut(restore, system)
    if (restore === undefined || restore.phase === 'waiting') {
      // The right marker on another server or timeline: nothing old should be there, so somebody looks.
      const look = await this.detector.look(system, () => this.sweeps.ask(systemId))
      if (look !== 'other') return
      await this.lookAfter(system, signal)
      return
    }
    await this.runs.advance(restore.restoreId, system, signal)
  }
}
