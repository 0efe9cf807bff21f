import { setTimeout as delay } from 'node:timers/promises'
import { LetheClient } from '@lethe/client'
import { rebuild } from '@lethe/request-log'
import pg from 'pg'
import { check } from '../checker/check.js'
import { collect } from '../checker/collect.js'
import type { Evidence, Verdict } from '../checker/evidence.js'
import { digestOfOthers, sight, withClient } from '../checker/stores.js'
import type { Options } from '../options.js'
import { describe, poisonedTopics, targetOf } from '../plan/faults.js'
import { isTwin } from '../plan/requests.js'
import { type Round, schedule } from '../plan/schedule.js'
import { trueCounts } from '../world/map.js'
import type { World } from '../world/world.js'
import { apply, type BrokerWatch } from './apply.js'
import type { History } from './history.js'
import { InFlight } from './in-flight.js'
import { addresses, Load } from './load.js'
import { Poisoner } from './poison.js'
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

/** One run from the first request to the verdicts, on a world that is up. */
export class Run {
  readonly #inFlight: InFlight
  readonly #ended = new AbortController()
  readonly #broker: BrokerWatch = { down: false }
  readonly #poisoner: Poisoner
  readonly #load: Load
  #fault = 0

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
    const { seed, perSecond } = options
    const load = { seed, perSecond, maxInFlight: MAX_IN_FLIGHT, people }
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

  async #faults(): Promise<void> {
    const { seed, kills, only, minutes } = this.options
    const end = Date.now() + minutes * 60_000
    const rounds = schedule({
      seed,
      without: new Set(this.world.without.keys()),
      ...(kills === null ? {} : { kills }),
      ...(only === null ? {} : { only }),
    })
    for (const round of rounds) {
      if (this.interrupt.aborted || Date.now() > end) break
      await this.#round(round, end)
    }
    this.history.add({ type: 'faults-over', at: Date.now() })
  }

  async #round(round: Round, end: number): Promise<void> {
    const minute = ((this.options.minutes * 60_000 - (end - Date.now())) / 60_000).toFixed(1)
    const names = round.faults.map(({ fault }) => describe(fault)).join(' + ')
    await Promise.all(
      round.faults.map(async ({ fault, delayMs }) => {
        await delay(delayMs)
        const inFlight = await this.#someInFlight()
        const at = Date.now()
        const applied = await apply(fault, this.world, {
          poisoner: this.#poisoner,
          history: this.history,
          broker: this.#broker,
        }).catch((error: unknown) => {
          this.report(
            `  ! ${describe(fault)}: could not be done: ${error instanceof Error ? error.message : error}`,
          )
          return null
        })
        if (applied === null) return
        const { overAt, recovered } = applied
        const recoveredMs = recovered ? Date.now() - at : null
        this.history.add({
          type: 'fault',
          n: this.#fault++,
          round: round.n,
          at,
          fault,
          target: targetOf(fault),
          inFlight,
          overAt,
          recoveredMs,
          alone: round.faults.length === 1,
        })
        if (!recovered && !this.interrupt.aborted)
          this.report(`  ! ${describe(fault)}: not recovered within two minutes`)
      }),
    )
    const { inFlight, completed } = this.#inFlight
    this.report(
      `${minute} min  ${this.#load.asked} asked, ${completed} completed, ${inFlight} in flight  ${names}`,
    )
    await delay(round.gapMs)
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
    const boundMs = this.options.short ? 300_000 : 1_200_000
    this.report(`faults over after ${this.#fault}; everything is put right and has to come to rest`)
    const unhealthy = await this.world.heal(120_000)
    for (const name of unhealthy) this.report(`  ! ${name} is not healthy`)
    const stopped = this.#load.stop()
    await this.#still(begin, boundMs, stopped)
    await this.#retryFailed()
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

  /** The next step of what failed is to try it again; an operator does that once, and it has to do. */
  async #retryFailed(): Promise<void> {
    const { at, secrets } = this.world.context
    const failed = await withClient(at.lethePostgresUrl, async (client) => {
      const { rows } = await client.query(
        "SELECT request_id, failure->>'systemId' AS system_id, failure->>'code' AS code FROM read_model.requests WHERE status = 'FAILED'",
      )
      return rows as { request_id: string; system_id: string; code: string }[]
    })
    if (failed.length === 0) return
    const codes = [...new Set(failed.map(({ code }) => code))].join(', ')
    this.report(`  ${failed.length} FAILED (${codes}); tried again as their next step says`)
    const client = new LetheClient({ url: at.requestUrl, token: secrets.token('privacy-officer') })
    for (const { request_id, system_id } of failed)
      await client.command(request_id, 'retry', { systemId: system_id }).catch(() => undefined)
    await delay(1_000)
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
      const report = await rebuild(pool)
      this.history.add({
        type: 'rebuild',
        at: Date.now(),
        differences: report.differing + report.problems.length,
      })
    } finally {
      await pool.end()
    }
  }
}
