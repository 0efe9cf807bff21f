import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

/** Counters of one process; several strategies may share one registry. */
export interface MessagingMetrics {
  handled(group: string, topic: string, items: number): void
  skipped(group: string, topic: string, items: number): void
  failed(group: string, topic: string, errorClass: string): void
  deadLettered(group: string, topic: string, code: string): void
  batch(group: string, topic: string, seconds: number): void
  paused(group: string, topic: string, partition: number, paused: boolean): void
  gap(group: string, topic: string): void
  restarted(group: string): void
}

const prefix = 'lethe_messaging'
const labelNames = ['group', 'topic', 'service'] as const

/**
 * Registers the metrics, or finds those another strategy of the process registered. The rate over
 * the last half minute is a gauge of its own, for readers without a query language.
 * `service` says who consumes: several services may share one process and its registry.
 */
export function messagingMetrics(registry: Registry = new Registry(), service = ''): MessagingMetrics {
  const registers = [registry]
  const counter = (name: string, help: string, more: string[] = []) =>
    (registry.getSingleMetric(name) as Counter<string> | undefined) ??
    new Counter({ name, help, labelNames: [...labelNames, ...more], registers })
  const handled = counter(`${prefix}_handled_total`, 'Messages a handler finished.')
  const skipped = counter(`${prefix}_skipped_total`, 'Messages skipped by their headers.')
  const failed = counter(`${prefix}_failed_total`, 'Handler calls that failed.', ['class'])
  const dead = counter(`${prefix}_dead_lettered_total`, 'Messages put aside.', ['code'])
  const gaps = counter(`${prefix}_gaps_total`, 'Records missing where an outside offset expected them.')
  const restarts = counter(`${prefix}_restarts_total`, 'Consumers restarted in process.')
  const seconds =
    (registry.getSingleMetric(`${prefix}_batch_seconds`) as Histogram<string> | undefined) ??
    new Histogram({
      name: `${prefix}_batch_seconds`,
      help: 'How long one look at a fetched batch took.',
      labelNames,
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    })
  const paused =
    (registry.getSingleMetric(`${prefix}_paused`) as Gauge<string> | undefined) ??
    new Gauge({
      name: `${prefix}_paused`,
      help: '1 while a partition waits.',
      labelNames: [...labelNames, 'partition'],
      registers,
    })
  const rate = rateGauge(registry)
  return {
    handled(group, topic, items) {
      handled.inc({ group, topic, service }, items)
      rate.add(group, topic, service, items)
    },
    skipped: (group, topic, items) => skipped.inc({ group, topic, service }, items),
    failed: (group, topic, errorClass) => failed.inc({ group, topic, class: errorClass, service }),
    deadLettered: (group, topic, code) => dead.inc({ group, topic, code, service }),
    batch: (group, topic, took) => seconds.observe({ group, topic, service }, took),
    paused: (group, topic, partition, on) =>
      paused.set({ group, topic, partition: String(partition), service }, on ? 1 : 0),
    gap: (group, topic) => gaps.inc({ group, topic, service }),
    restarted: (group) => restarts.inc({ group, topic: '', service }),
  }
}

const RATE_WINDOW_SECONDS = 30

interface Rate {
  add(group: string, topic: string, service: string, items: number): void
}

/** Handled messages per second over the last 30 whole seconds, computed when it is read. */
function rateGauge(registry: Registry): Rate {
  const windows = new Map<
    string,
    { group: string; topic: string; service: string; perSecond: Map<number, number> }
  >()
  const name = `${prefix}_rate_per_second`
  const known = rates.get(registry)
  if (known) return known
  new Gauge({
    name,
    help: 'Messages handled per second over the last 30 s.',
    labelNames,
    registers: [registry],
    collect() {
      const since = Math.floor(Date.now() / 1000) - RATE_WINDOW_SECONDS
      for (const { group, topic, service, perSecond } of windows.values()) {
        for (const second of perSecond.keys()) if (second < since) perSecond.delete(second)
        const sum = [...perSecond.values()].reduce((total, items) => total + items, 0)
        this.set({ group, topic, service }, sum / RATE_WINDOW_SECONDS)
      }
    },
  })
  const added = {
    add(group: string, topic: string, service: string, items: number) {
      const key = `${group} ${topic}`
      const window = windows.get(key) ?? { group, topic, service, perSecond: new Map<number, number>() }
      windows.set(key, window)
      const second = Math.floor(Date.now() / 1000)
      window.perSecond.set(second, (window.perSecond.get(second) ?? 0) + items)
      const [oldest] = window.perSecond.keys()
      if (window.perSecond.size > RATE_WINDOW_SECONDS * 2 && oldest !== undefined)
        window.perSecond.delete(oldest)
    },
  }
  rates.set(registry, added)
  return added
}

const rates = new WeakMap<Registry, Rate>()
