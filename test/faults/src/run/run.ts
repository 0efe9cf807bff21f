import { setTimeout as delay } from 'node:timers/promises'
import { rebuild } from '@lethe/request-log'
import pg from 'pg'
import { check } from '../checker/check.js'
import { collect } from '../checker/collect.js'
import type { Evidence, Verdict } from '../checker/evidence.js'
import { digestOfOthers, sight } from '../checker/stores.js'
import type { Options } from '../options.js'
import { describe, poisonedTopics, targetOf, touched } from '../plan/faults.js'
import { isTwin } from '../plan/requests.js'
import { type Planned, schedule } from '../plan/schedule.js'
import { keptMs, trueCounts } from '../world/map.js'
import type { World } from '../world/world.js'
import { apply, type BrokerWatch } from './apply.js'
import type { History } from './history.js'
import { InFlight } from './in-flight.js'
import { addresses, Load } from './load.js'
import { Poisoner } from './poison.js'
import { retryFailed } from './retry.js'
import { Sampler } from './sampler.js'

export interface Result {
  readonly verdicts: readonly Verdict[]
  readonly asked: number
  readonly byStatus: Readonly<Record<string, number>>
  /** Processes that were not healthy after everything was put right. */
  readonly unhealthy: readonly string[]
  readonly interrupted: boolean
}

const MAX_IN_FLIGHT = 60
/** For the last faults to heal, coming to rest, and the checker. */
const REST_MS = 110_000

/** One of the mutants only shows in a hold that comes when its grant is out. */
const LATER = 8

/** One run from the first request to the verdicts, on a world that is up. */
export class Run {
  readonly #inFlight: InFlight
  readonly #ended = new AbortController()
  readonly #broker: BrokerWatch = { down: false }
  readonly #poisoner: Poisoner
  readonly #load: Load
  /** By what is hurt: over when it works again. */
  readonly #turns = new Map<string, Promise<void>>()
  /** Targets of the faults that are in force. */
  readonly #hurt = new Set<string>()
  #inForce = 0
  #faultsDone = 0

  constructor(
    private readonly world: World,
    private readonly history: History,
    private readonly options: Options,
    private readonly customers: number,
    private readonly interrupt: AbortSignal,
    private readonly report: (line: string) => void,
  ) {
    const { at } = world.context
    this.#inFlight = new InFlight(at.lethePostgresUrl)
    this.#poisoner = new Poisoner(at.brokers, `fault-poison-${process.pid}`)
    const people = Math.floor(customers * 0.8) - 100
    const { seed, perSecond, mutants } = options
    const later = mutants.length > 0 ? LATER : 1
    const load = { seed, perSecond, maxInFlight: MAX_IN_FLIGHT, people, later }
    this.#load = new Load(world, history, this.#inFlight, load, this.#ended.signal)
  }

  async run(): Promise<Result> {
    const sampler = new Sampler(this.world, this.history, this.#inFlight, this.#broker)
    await this.#others('before')
    await this.#poisoner.watch(poisonedTopics)
    const beside = [
      this.#inFlight.watch(this.#ended.signal),
      sampler.run(this.#ended.signal),
      this.#load.run(),
    ]
    try {
      await this.#warm()
      await this.#faults()
      const unhealthy = this.interrupt.aborted ? [] : await this.#rest()
      const verdicts = this.interrupt.aborted ? [] : check(await this.#evidence())
      const { byStatus } = this.#inFlight
      return { verdicts, asked: this.#load.asked, byStatus, unhealthy, interrupted: this.interrupt.aborted }
    } finally {
      this.#ended.abort()
      await Promise.allSettled(beside)
      await this.#load.stop().catch(() => undefined)
      await this.#load.close()
      await this.#poisoner.close()
    }
  }

  /** Faults begin when the chain is seen to work. */
  async #warm(): Promise<void> {
    const end = Date.now() + 300_000
    this.report('the first requests, before any fault')
    while (this.#inFlight.completed < 1 && !this.interrupt.aborted) {
      if (Date.now() > end) throw new Error('no request was completed before any fault: see the logs')
      await delay(100)
    }
  }

  /** Several lanes draw from one schedule: each fault begins in its turn, while others are still in force. */
  async #faults(): Promise<void> {
    const { seed, needs, only, together } = this.options
    const begin = Date.now()
    const end = this.#endOfFaults(begin)
    const planned = schedule({
      seed,
      without: new Set(this.world.without.keys()),
      ...(needs === null ? {} : { needs }),
      ...(only === null ? {} : { only }),
    })
    const lane = async () => {
      for (;;) {
        if (this.interrupt.aborted || Date.now() > end) return
        const next = planned.next()
        if (next.done) return
        await this.#inTurn(next.value, begin, end)
      }
    }
    await Promise.all(Array.from({ length: together }, lane))
    this.history.add({ type: 'faults-over', at: Date.now() })
  }

  #endOfFaults(begin: number): number {
    const { minutes, within } = this.options
    const started = this.history.of('run')[0]?.at ?? begin
    const whole = started + (within ?? Number.POSITIVE_INFINITY) * 60_000
    return Math.min(begin + minutes * 60_000, whole - REST_MS)
  }

  /** What one fault hurts has to work again before the next one touches it. */
  async #inTurn(planned: Planned, begin: number, end: number): Promise<void> {
    const names = touched(planned.fault)
    const before = names.map((name) => this.#turns.get(name))
    let works = () => {}
    const own = new Promise<void>((resolve) => {
      works = resolve
    })
    for (const name of names) this.#turns.set(name, own)
    try {
      await Promise.all(before)
      await delay(planned.gapMs)
      if (!this.interrupt.aborted && Date.now() <= end) await this.#do(planned, begin)
    } finally {
      works()
    }
  }

  async #do({ n, fault }: Planned, begin: number): Promise<void> {
    const inFlight = await this.#someInFlight()
    const at = Date.now()
    const beside = this.#inForce++
    for (const name of touched(fault)) this.#hurt.add(name)
    const applied = await apply(fault, this.world, {
      poisoner: this.#poisoner,
      history: this.history,
      broker: this.#broker,
      hurt: () => this.#hurt,
    }).catch((error: unknown) => {
      this.report(
        `  ! ${describe(fault)}: could not be done: ${error instanceof Error ? error.message : error}`,
      )
      return null
    })
    this.#inForce--
    for (const name of touched(fault)) this.#hurt.delete(name)
    if (applied === null) return
    const { overAt, worked = [] } = applied
    const recoveredMs = applied.recovered ? Date.now() - at : null
    const target = targetOf(fault)
    const kills = worked.map((one) => ({ target: one.target, recoveredMs: one.at - at }))
    this.history.add({ type: 'fault', n, at, fault, target, inFlight, overAt, recoveredMs, beside, kills })
    this.#faultsDone++
    const minute = ((at - begin) / 60_000).toFixed(1)
    const { completed, inFlight: now } = this.#inFlight
    const when = recoveredMs === null ? 'not in two minutes' : `after ${(recoveredMs / 1_000).toFixed(1)} s`
    this.report(
      `${minute} min  ${this.#load.asked} asked, ${completed} completed, ${now} in flight  ${describe(fault)}; works again ${when}`,
    )
  }

  /** A fault that meets no request proves nothing: it waits for one, for half a minute at most. */
  async #someInFlight(): Promise<number> {
    const end = Date.now() + 30_000
    while (this.#inFlight.inFlight === 0 && Date.now() < end && !this.interrupt.aborted) await delay(50)
    return this.#inFlight.inFlight
  }

  /** Puts everything right and waits, for a bounded time, until nothing moves by itself any more. */
  async #rest(): Promise<string[]> {
    const begin = Date.now()
    const { short, mutants } = this.options
    const boundMs = mutants.length > 0 ? 60_000 : short ? 300_000 : 1_200_000
    this.report(`faults over after ${this.#faultsDone}; everything is put right and has to come to rest`)
    const unhealthy = await this.world.heal(120_000)
    for (const name of unhealthy) this.report(`  ! ${name} is not healthy`)
    const stopped = this.#load.stop()
    await this.#still(begin, boundMs, stopped)
    await retryFailed(this.world, this.report)
    const moving = await this.#still(begin, boundMs, stopped)
    const { outbox } = this.#inFlight
    this.history.add({ type: 'converged', at: Date.now(), within: Date.now() - begin, moving, outbox })
    return unhealthy
  }

  async #still(begin: number, boundMs: number, stopped: Promise<void>): Promise<number> {
    let flows = true
    void stopped.finally(() => {
      flows = false
    })
    let said = 0
    let quiet = 0
    for (;;) {
      const known = await this.#inFlight.look().then(
        () => true,
        () => false,
      )
      const { inFlight, outbox, byStatus } = this.#inFlight
      const atRest = known && !flows && inFlight === 0 && outbox === 0
      quiet = atRest ? quiet + 1 : 0
      if (quiet >= 3 || this.interrupt.aborted) return inFlight
      if (Date.now() - begin > boundMs) return Math.max(inFlight, 1)
      if (Date.now() - said > 10_000) {
        said = Date.now()
        const statuses = Object.entries(byStatus).map(([status, n]) => `${n} ${status}`)
        const seconds = Math.round((Date.now() - begin) / 1_000)
        this.report(
          `  ${seconds} s: ${inFlight} move, ${outbox} messages unconfirmed (${statuses.join(', ')})`,
        )
      }
      await delay(500)
    }
  }

  async #evidence(): Promise<Evidence> {
    const { at } = this.world.context
    for (const held of this.history.of('held')) {
      if (
        this.history
          .of('watched')
          .some(({ requestId, moment }) => requestId === held.requestId && moment === 'last')
      )
        continue
      const asked = this.history.of('asked').find(({ n }) => n === held.n)
      if (!asked) continue
      const seen = await sight(addresses(this.world), asked.customer)
      this.history.add({ type: 'watched', at: Date.now(), requestId: held.requestId, moment: 'last', seen })
    }
    await this.#others('after')
    await this.#rebuilt()
    return collect(this.history.entries, {
      lethe: at.lethePostgresUrl,
      stores: addresses(this.world),
      brokers: at.brokers,
      trueCounts,
      keptMs,
      logs: this.world.logs(),
    })
  }

  async #others(moment: 'before' | 'after'): Promise<void> {
    const look = await digestOfOthers(addresses(this.world), (n) => n > 0 && !isTwin(n), this.customers)
    this.history.add({ type: 'others', at: Date.now(), moment, ...look })
  }

  /** The project's own proof, beside the checker's. */
  async #rebuilt(): Promise<void> {
    const pool = new pg.Pool({ connectionString: this.world.context.at.lethePostgresUrl, max: 2 })
    try {
      // One that can't be done, for a log that makes no sense, is one that differs.
      const differences = await rebuild(pool).then(
        ({ differing, problems }) => differing + problems.length,
        () => 1,
      )
      this.history.add({ type: 'rebuild', at: Date.now(), differences })
    } finally {
      await pool.end()
    }
  }
}
