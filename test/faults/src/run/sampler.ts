import { setTimeout as delay } from 'node:timers/promises'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { isService } from '../plan/faults.js'
import { residentKilobytes } from '../world/unit.js'
import type { World } from '../world/world.js'
import type { BrokerWatch } from './apply.js'
import type { History } from './history.js'
import type { InFlight } from './in-flight.js'

const EVERY_MS = 4_000
const LINE = /^(\w+)\{([^}]*)\} (\S+)$/gm

/** Asks every service for its memory and its lag, ops for everybody's, and Kafka itself beside it, until the signal aborts. */
export class Sampler {
  #admin: Admin | null = null

  constructor(
    private readonly world: World,
    private readonly history: History,
    private readonly inFlight: InFlight,
    private readonly broker: BrokerWatch,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#memory()
      for (const unit of this.world.units)
        if (isService(unit.target) && unit.running && !signal.aborted)
          await this.#lag(unit.name, unit.metricsUrl).catch(() => undefined)
      if (!signal.aborted) await this.#overview().catch(() => undefined)
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined)
    }
    await this.#admin?.disconnect().catch(() => undefined)
  }

  #memory(): void {
    for (const { name, pid, target } of this.world.units) {
      const kilobytes = pid === null || !isService(target) ? null : residentKilobytes(pid)
      if (pid === null || kilobytes === null) continue
      const { inFlight } = this.inFlight
      this.history.add({ type: 'memory', at: Date.now(), name, pid, kilobytes, inFlight })
    }
  }

  /** What ops tells of everybody, as one question that may not be answered from an earlier look. */
  async #overview(): Promise<void> {
    const { at, secrets } = this.world.context
    const downBefore = this.broker.down
    const ends = await this.#allEnds()
    const response = await fetch(`http://127.0.0.1:${at.ports.ops}/v1/lag?maxAgeMs=0`, {
      headers: { authorization: `Bearer ${secrets.token('operator')}` },
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) return
    const { partitions } = (await response.json()) as { partitions: readonly OpsPartition[] }
    const brokerDown = downBefore && this.broker.down
    const committed = new Map<string, Map<number, bigint>>()
    for (const { group, topic, partition, positionIn, lag } of partitions) {
      const name = `${group} ${topic}`
      // Positions in PostgreSQL are mirrored in Kafka later: there is nothing here to compare them with.
      if (!committed.has(name) && positionIn === 'kafka')
        committed.set(name, (await this.#committed(group, topic)) ?? new Map())
      const end = ends.get(topic)?.get(partition ?? -1)
      const confirmed = committed.get(name)?.get(partition ?? -1)
      const atLeast = end === undefined || confirmed === undefined ? null : Number(end - confirmed)
      const said = { group, topic, partition: String(partition ?? 'all'), reported: lag }
      const seen = { saidUnknown: lag === null, atLeast, brokerDown }
      this.history.add({ type: 'lag', at: Date.now(), name: 'ops', ...said, ...seen })
    }
  }

  /** The ends may only be too low and the commits too high: what is left is not more than the true lag. */
  async #allEnds(): Promise<Map<string, Map<number, bigint>>> {
    const ends = new Map<string, Map<number, bigint>>()
    for (const topic of TOPICS) ends.set(topic, (await this.#ends(topic)) ?? new Map())
    return ends
  }

  async #lag(name: string, url: string): Promise<void> {
    const downBefore = this.broker.down
    const ends = await this.#allEnds()
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(6_000) }).catch(() => null)
    if (!response?.ok) return
    const text = await response.text()
    const brokerDown = downBefore && this.broker.down
    const lag = readings(text, 'lethe_messaging_lag')
    const unknown = readings(text, 'lethe_messaging_lag_unknown')
    const dead = [...readings(text, 'lethe_messaging_dead_lettered_total').values()]
    const deadLettered = dead.reduce((sum, { value }) => sum + value, 0)
    if (deadLettered > 0) this.history.add({ type: 'alarm', at: Date.now(), name, deadLettered })
    const committed = new Map<string, Map<number, bigint>>()
    for (const [series, { labels, value }] of unknown) {
      const { group = '', topic = '', partition = '' } = labels
      const end = ends.get(topic)?.get(Number(partition))
      if (!committed.has(`${group} ${topic}`))
        committed.set(`${group} ${topic}`, (await this.#committed(group, topic)) ?? new Map())
      const confirmed = committed.get(`${group} ${topic}`)?.get(Number(partition))
      const atLeast = end === undefined || confirmed === undefined ? null : Number(end - confirmed)
      this.history.add({
        type: 'lag',
        at: Date.now(),
        name,
        group,
        topic,
        partition,
        reported: lag.get(series)?.value ?? null,
        saidUnknown: value === 1,
        atLeast,
        brokerDown,
      })
    }
  }

  async #ends(topic: string): Promise<Map<number, bigint> | null> {
    return this.#ask(async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]))
    })
  }

  /** A group that confirmed nothing is at the beginning; records of the topics do not expire during a run. */
  async #committed(group: string, topic: string): Promise<Map<number, bigint> | null> {
    return this.#ask(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      return new Map(
        found?.partitions.map(({ partition, offset }) => [
          partition,
          BigInt(offset) < 0n ? 0n : BigInt(offset),
        ]),
      )
    })
  }

  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T | null> {
    if (this.broker.down) return null
    try {
      this.#admin ??= await this.#connect()
      return await question(this.#admin)
    } catch {
      // Kafka is away: nothing is known of the true lag at this moment.
      await this.#admin?.disconnect().catch(() => undefined)
      this.#admin = null
      return null
    }
  }

  async #connect(): Promise<Admin> {
    const admin = new Kafka({
      brokers: [...this.world.context.at.brokers],
      clientId: 'fault-sampler',
      logLevel: logLevel.NOTHING,
      requestTimeout: 3_000,
      connectionTimeout: 1_000,
      retry: { retries: 0 },
    }).admin()
    await admin.connect()
    return admin
  }
}

const TOPICS = [
  'erasure.intake',
  'erasure.requested',
  'erasure.probe.requested',
  'erasure.acknowledged',
  'erasure.status',
  'erasure.tombstones',
  'restore.announced',
]

interface OpsPartition {
  readonly group: string
  readonly topic: string
  readonly partition: number | null
  readonly positionIn: 'kafka' | 'postgresql'
  readonly lag: number | null
}

interface Reading {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The series of one metric in Prometheus' text format, by their labels. */
export function readings(text: string, name: string): Map<string, Reading> {
  const found = new Map<string, Reading>()
  for (const [, metric, series = '', value] of text.matchAll(LINE)) {
    if (metric !== name) continue
    const labels = [...series.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, label]) => [key, label])
    found.set(series, { labels: Object.fromEntries(labels), value: Number(value) })
  }
  return found
}
