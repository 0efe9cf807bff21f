import { randomUUID } from 'node:crypto'
import { type Caller, LetheError, type Logger, problem } from '@lethe/service-host'
import type { DrillStore } from '../adapters/drill-store.js'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { Turns } from '../adapters/turns.js'
import { drillDue, drillOverdue } from '../domain/backup.js'
import type { Drill } from '../domain/drill.js'
import { isIntact } from '../domain/drill-record.js'
import { may } from '../domain/permissions.js'
import type { DrillRequests } from './drill-requests.js'
import type { DrillGround, Drilling } from './drilling.js'
import { drillsFailed, drillsOverdue, service } from './metrics.js'

export interface DrillsParts {
  readonly systems: ReadonlySet<string>
  /** Those of a kind that drills know. */
  readonly able: ReadonlySet<string>
  readonly store: DrillStore
  readonly drilling: Drilling
  readonly open: (drill: Pick<Drill, 'drillId' | 'systemId'>) => Promise<DrillGround>
  readonly requests: DrillRequests
  readonly audit: Pick<RestoreStore, 'audit'>
  readonly turns: Turns
  /** How often a drill must be passed, milliseconds; null: nobody is told, and none runs by itself. */
  readonly everyMs: number | null
  /** Whether drills run by themselves. */
  readonly byItself: boolean
  readonly secret: string
  readonly blocked: () => Promise<string | null>
  readonly logger: Logger
  readonly now?: () => number
}

/** A drill as people see it: the made-up person stays out of it. */
export interface DrillView extends Omit<Drill, 'canary' | 'stopping' | 'prevHash' | 'mac'> {
  /** Whether the evidence is what was written at its end; null while there is none. */
  readonly intact: boolean | null
}

const LISTED = 200
const LOOK_MS = 1_000

/** Restore drills: asked for by people or by the calendar, one at a time per system, and what came of them. */
export class Drills {
  private readonly running = new Map<string, Promise<void>>()
  private readonly stopping = new AbortController()
  private readonly now: () => number

  constructor(private readonly parts: DrillsParts) {
    this.now = parts.now ?? Date.now
  }

  async list(caller: Caller, systemId: string | null): Promise<DrillView[]> {
    this.assert(caller, 'read')
    return (await this.parts.store.list(systemId, LISTED)).map((drill) => this.view(drill))
  }

  /** @throws ProblemError `not_found` */
  async one(caller: Caller, drillId: string): Promise<DrillView> {
    this.assert(caller, 'read')
    return this.view(await this.known(drillId))
  }

  /** Whether a drill could be done, with the versions of all there is in it. Changes nothing that stays. */
  async check(caller: Caller, systemId: string): Promise<{ versions: Readonly<Record<string, string>> }> {
    this.assert(caller, 'drill')
    this.assertWatched(systemId)
    try {
      const ground = await this.parts.open({ drillId: randomUUID(), systemId })
      try {
        return { versions: { ...ground.versions, ...(await ground.session.check(ground.tenantId)) } }
      } finally {
        await ground.session.clear().catch(() => undefined)
        await ground.session.close()
        await ground.identity?.close()
      }
    } catch (error) {
      if (error instanceof LetheError)
        throw problem(error.errorClass === 'terminal' ? 'map_mismatch' : 'unavailable', error.message, {
          cause: error.code,
        })
      throw error
    }
  }

  /** Begins one; idempotent by its id. @throws ProblemError `illegal_transition` while another of that system runs */
  async start(caller: Caller, systemId: string, drillId: string = randomUUID()): Promise<DrillView> {
    this.assert(caller, 'drill')
    this.assertWatched(systemId)
    const known = await this.parts.store.drill(drillId)
    if (known !== null && known.systemId === systemId) return this.view(known)
    const drill = await this.begin(systemId, drillId, caller.id, 'person')
    if (drill === null)
      throw problem(
        'illegal_transition',
        `A drill of ${systemId} is under way: wait for its end, or stop it.`,
      )
    const detail = { drillId }
    const at = this.now()
    await this.parts.audit.audit({
      at,
      credentialId: caller.id,
      systemId,
      restoreId: null,
      action: 'drill',
      detail,
    })
    return this.view(drill)
  }

  /** Asks for the end of one; what it made is cleared away before it has ended. Idempotent. */
  async stopOne(caller: Caller, drillId: string): Promise<DrillView> {
    this.assert(caller, 'drill')
    const { systemId } = await this.known(drillId)
    if (await this.parts.store.askToStop(drillId)) {
      const at = this.now()
      const detail = { drillId }
      await this.parts.audit.audit({
        at,
        credentialId: caller.id,
        systemId,
        restoreId: null,
        action: 'stop_drill',
        detail,
      })
    }
    return this.view(await this.known(drillId))
  }

  /** Clears away what processes that are gone have left, begins what is due, and tells metrics. */
  async round(): Promise<void> {
    if ((await this.parts.blocked()) !== null) return
    for (const systemId of this.parts.systems) {
      await this.recover(systemId)
      await this.schedule(systemId)
      await this.tell(systemId)
    }
    await this.letGo()
  }

  /** Resolves when no drill of this process is under way. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled(this.running.values())
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.idle()
  }

  private async recover(systemId: string): Promise<void> {
    const { store, turns, drilling, logger } = this.parts
    if (this.running.has(systemId) || (await store.underWay(systemId)) === null) return
    // Whoever runs it has the turn; without a process there is none.
    await turns.take(turnOf(systemId), async () => {
      const left = await store.underWay(systemId)
      if (left === null) return
      logger.warn({ system: systemId, drillId: left.drillId }, 'a drill was left by a process that is gone')
      await drilling.abandon(left)
    })
  }

  private async schedule(systemId: string): Promise<void> {
    const { store, everyMs, byItself, able } = this.parts
    if (!byItself || everyMs === null || !able.has(systemId) || this.running.has(systemId)) return
    const [last] = await store.list(systemId, 1)
    const { lastPassed } = await store.outlook(systemId)
    if (drillDue({ lastPassed, lastTried: last?.startedAt ?? null, everyMs }, this.now()))
      await this.begin(systemId, randomUUID(), 'restore', 'schedule')
  }

  private async tell(systemId: string): Promise<void> {
    const { store, everyMs } = this.parts
    const { lastPassed, last } = await store.outlook(systemId)
    const overdue = drillOverdue(lastPassed, everyMs, this.now())
    if (overdue !== null) drillsOverdue.set({ system: systemId, service }, overdue ? 1 : 0)
    if (last !== null) drillsFailed.set({ system: systemId, service }, last === 'passed' ? 0 : 1)
  }

  /** Made-up people who could not be erased when their drill ended. */
  private async letGo(): Promise<void> {
    const { store, requests } = this.parts
    for (const { drillId, canary } of await store.withCanaryLeft()) {
      if (canary === null) continue
      const requestId = await requests.erase(canary, `drill-${drillId}`)
      await store.rememberCanary(drillId, { ...canary, requestId })
    }
  }

  /** Null when another one of that system is under way. Resolves when it has begun, not when it has ended. */
  private begin(
    systemId: string,
    drillId: string,
    askedBy: string,
    trigger: Drill['trigger'],
  ): Promise<Drill | null> {
    const { store, turns, logger } = this.parts
    if (this.running.has(systemId)) return Promise.resolve(null)
    return new Promise((resolve, reject) => {
      const running = turns
        .take(turnOf(systemId), async (lost) => {
          const began = await store.begin({ drillId, systemId, askedBy, trigger, startedAt: this.now() })
          const drill = began ? await store.drill(drillId) : null
          resolve(drill)
          if (drill !== null) await this.whileWanted(drill, lost)
        })
        .then(() => resolve(null))
        .catch((error: unknown) => {
          logger.error(
            { system: systemId, drillId, err: error },
            'a drill could not go on; it is cleared away',
          )
          reject(error)
        })
        .finally(() => this.running.delete(systemId))
      this.running.set(systemId, running)
    })
  }

  private async whileWanted(drill: Drill, lost: AbortSignal): Promise<void> {
    const { store, drilling } = this.parts
    const unwanted = new AbortController()
    const looking = setInterval(() => {
      store.drill(drill.drillId).then(
        (now) => now?.stopping && unwanted.abort(),
        // Lethe's database is away: the next look, or the drill's own next step, finds out.
        () => undefined,
      )
    }, LOOK_MS)
    try {
      await drilling.run(drill, AbortSignal.any([this.stopping.signal, unwanted.signal, lost]))
    } finally {
      clearInterval(looking)
    }
    await this.tell(drill.systemId)
  }

  private async known(drillId: string): Promise<Drill> {
    const drill = await this.parts.store.drill(drillId)
    if (drill === null) throw problem('not_found', 'There is no such drill; lethe restore drills lists them.')
    return drill
  }

  private view({ canary: _nobody, stopping: _stopping, prevHash, mac, ...drill }: Drill): DrillView {
    const { evidence, hash } = drill
    const intact =
      evidence === null || hash === null || mac === null
        ? null
        : isIntact(evidence, { prevHash, hash, mac }, this.parts.secret)
    return { ...drill, intact }
  }

  private assert(caller: Caller, action: 'read' | 'drill'): void {
    if (!may(caller, action)) throw problem('forbidden', `Your roles do not allow "${action}".`)
  }

  private assertWatched(systemId: string): void {
    if (!this.parts.systems.has(systemId))
      throw problem(
        'not_found',
        'No such system is watched here; LETHE_SYSTEMS of the restore service names those that are.',
      )
  }
}

const turnOf = (systemId: string): string => `drill/${systemId}`
