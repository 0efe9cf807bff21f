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

/** Asks every service for its memory and its lag, and Kafka itself beside it, until the signal aborts. */
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

  async #lag(name: string, url: string): Promise<void> {
    const downBefore = this.broker.down
    const ends = new Map<string, Map<number, bigint>>()
    // The ends may only be too low and the commits too high: what is left is not more than the true lag.
    for (const topic of TOPICS) ends.set(topic, (await this.#ends(topic)) ?? new Map())
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
