import { randomUUID } from 'node:crypto'
import { type Caller, problem } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import type { SweepStore } from '../adapters/sweep-store.js'
import { type Action, may } from '../domain/permissions.js'
import type { GateMode, Restore } from '../domain/restore.js'
import type { Sweep } from '../domain/sweep.js'
import type { Guard } from './guard.js'
import { awaitsCopy, type Runs } from './runs.js'
import type { Sweeps } from './sweeps.js'
import type { WatchedSystem } from './watched-system.js'

export interface GateView {
  readonly systemId: string
  readonly state: 'open' | 'shut'
  /** Whether the store itself keeps everybody out; null while nobody has tried. */
  readonly strength: 'enforced' | 'advisory' | null
  readonly restoreId: string | null
  /** Epoch milliseconds; null when it was never shut. */
  readonly since: number | null
  /** People of whom somebody has to decide whether they came back; while there are any, no gate opens by itself. */
  readonly undecided: number
}

/** What people and tools ask of the restore service. Everything that changes something is audited. */
export class Restores {
  constructor(
    private readonly systems: ReadonlyMap<string, WatchedSystem>,
    private readonly store: RestoreStore,
    private readonly sweepStore: SweepStore,
    private readonly guard: Guard,
    private readonly sweeps: Sweeps,
    private readonly runs: Runs,
    private readonly reviews: ReviewStore,
    private readonly now: () => number = Date.now,
  ) {}

  async gate(caller: Caller, systemId: string): Promise<GateView> {
    permitted(caller, 'read_gate')
    this.watched(systemId)
    const undecided = await this.reviews.open(systemId)
    const row = (await this.store.gates()).find((gate) => gate.systemId === systemId)
    if (row) {
      const { state, restoreId, since } = row
      // A sweep leaves a row as well, and says nothing of what the store can refuse.
      return {
        systemId,
        state,
        strength: restoreId === null ? null : row.strength,
        restoreId,
        since,
        undecided,
      }
    }
    return { systemId, state: 'open', strength: null, restoreId: null, since: null, undecided }
  }

  async history(caller: Caller, systemId: string | null): Promise<Restore[]> {
    permitted(caller, 'read')
    return this.store.history(systemId, 100)
  }

  async one(caller: Caller, restoreId: string): Promise<Restore> {
    permitted(caller, 'read')
    const restore = await this.store.restore(restoreId)
    if (restore === null)
      throw problem('not_found', 'There is no restore with this id; list them with GET /v1/restores.')
    return restore
  }

  /** Idempotent when `restoreId` is given again. */
  async announce(
    caller: Caller,
    given: {
      readonly systemId: string
      readonly restoreId?: string | undefined
      readonly backupId?: string | undefined
      readonly gateMode: GateMode
    },
  ): Promise<Restore> {
    permitted(caller, 'announce')
    this.watched(given.systemId)
    const restoreId = given.restoreId ?? randomUUID()
    const at = this.now()
    const announcedBy = caller.roles.includes('restore') ? 'hook' : 'operator'
    await this.store.audit({
      at,
      credentialId: caller.id,
      systemId: given.systemId,
      restoreId,
      action: 'announce',
    })
    await this.guard.announce({
      restoreId,
      systemId: given.systemId,
      backupId: given.backupId ?? null,
      announcedBy,
      gateMode: given.gateMode,
      announcedAt: at,
    })
    return this.one(caller, restoreId)
  }

  /** Looks for everybody who stays absent from a system, now. Each call is a sweep of its own. */
  async sweep(caller: Caller, systemId: string): Promise<Sweep> {
    permitted(caller, 'sweep')
    this.watched(systemId)
    const sweep = await this.sweeps.ask(systemId)
    await this.store.audit({
      at: this.now(),
      credentialId: caller.id,
      systemId,
      restoreId: null,
      action: 'sweep',
      detail: { sweepId: sweep.sweepId },
    })
    return sweep
  }

  async sweepHistory(caller: Caller, systemId: string | null): Promise<Sweep[]> {
    permitted(caller, 'read')
    return this.sweepStore.history(systemId, 100)
  }

  async oneSweep(caller: Caller, sweepId: string): Promise<Sweep> {
    permitted(caller, 'read')
    const sweep = await this.sweepStore.sweep(sweepId)
    if (sweep === null)
      throw problem('not_found', 'There is no sweep with this id; list them with GET /v1/sweeps.')
    return sweep
  }

  /** Replays and probes all of it once more. Only a restore that waits can be run again. */
  async retry(caller: Caller, restoreId: string): Promise<Restore> {
    permitted(caller, 'retry')
    const restore = await this.waiting(caller, restoreId)
    await this.store.audit({
      at: this.now(),
      credentialId: caller.id,
      systemId: restore.systemId,
      restoreId,
      action: 'retry',
    })
    await this.store.startPhase(restoreId, 'replaying')
    await this.guard.round()
    return this.one(caller, restoreId)
  }

  /**
   * Breaks the glass: opens a gate that waits, whatever it waits for. One that was prepared for a copy that does not
   * come, while the copy of a restore before it is still behind the gate, ends as superseded, and that one goes on. Who
   * and under which ticket is kept for ever. Not idempotent: a gate that is open refuses with `illegal_transition`.
   */
  async open(caller: Caller, restoreId: string, ticket: string): Promise<Restore> {
    permitted(caller, 'open')
    const restore = await this.decidable(caller, restoreId)
    const { systemId, waiting } = restore
    const codes = waiting.map(({ code }) => code)
    const detail = { ticket, codes }
    await this.store.audit({
      at: this.now(),
      credentialId: caller.id,
      systemId,
      restoreId,
      action: 'open',
      detail,
    })
    await this.guard.alone(systemId, async (system) => {
      // Decided again behind the round that was looking after it: another copy may have come in.
      const now = await this.decidable(caller, restoreId)
      if (awaitsCopy(now) && (await this.runs.hasComeBack(now, system)))
        throw problem(
          'illegal_transition',
          'The copy that this restore waited for has come in: it is replayed and opens by itself, or waits for a person.',
        )
      const former = awaitsCopy(now) ? await this.runs.former(now) : null
      await (former === null ? this.runs.open(now, system, caller.id) : this.runs.giveWay(now, former))
    })
    return this.one(caller, restoreId)
  }

  /** One that was prepared for a copy that does not come can be ended as well. */
  private async decidable(caller: Caller, restoreId: string): Promise<Restore> {
    const restore = await this.one(caller, restoreId)
    return awaitsCopy(restore) ? restore : this.waiting(caller, restoreId)
  }

  private async waiting(caller: Caller, restoreId: string): Promise<Restore> {
    const restore = await this.one(caller, restoreId)
    if (restore.phase === 'waiting') return restore
    throw problem(
      'illegal_transition',
      `This restore is ${restore.phase}; only one that waits for a person can be decided.`,
    )
  }

  private watched(systemId: string): WatchedSystem {
    const system = this.systems.get(systemId)
    if (system) return system
    throw problem(
      'not_found',
      'No such system is watched here; LETHE_SYSTEMS of the restore service names those that are.',
    )
  }
}

function permitted(caller: Caller, action: Action): void {
  if (!may(caller, action)) throw problem('forbidden', `Your roles do not allow "${action}".`)
}
