import type { TopicName } from '@lethe/schemas'
import { kafkaClient } from './client/open.js'
import type { ConsumerClient, Delivery } from './client/port.js'
import { physicalGroup, physicalTopic } from './config.js'
import { describeError } from './errors.js'
import type { BatchHandler, Subscription } from './incoming.js'
import type { MessagingMetrics } from './metrics.js'
import { PartitionRunner } from './partition-runner.js'
import type { MessageProducer } from './producer.js'
import type { StrategyOptions } from './strategy-options.js'
import type { Supervised, Supervisor } from './supervisor.js'
import { type Bounds, backoffOf } from './tuning.js'

export interface SessionOptions {
  readonly options: StrategyOptions
  readonly bounds: Bounds
  readonly metrics: MessagingMetrics
  readonly deadLetters: MessageProducer
  readonly handlers: ReadonlyMap<TopicName, BatchHandler>
}

/** After the deadline a consumer that still hangs is left behind; the broker ends its membership. */
const LEAVE_MS = 3_000

/** One consumer from connect to disconnect. It never restarts itself: the Supervisor does. */
export class ConsumerSession implements Supervised {
  private consumer: ConsumerClient | null = null
  private readonly subscriptions = new Map<string, Subscription>()
  private readonly partitions = new Map<string, PartitionRunner>()
  private readonly timers = new Map<string, NodeJS.Timeout>()
  private readonly abort = new AbortController()
  private generation = 0
  private stopping = false
  private crash: Error | null = null

  constructor(
    private readonly session: SessionOptions,
    private readonly supervisor: Supervisor,
  ) {
    const { options } = session
    for (const subscription of options.subscriptions)
      this.subscriptions.set(physicalTopic(options.kafka, subscription.topic), subscription)
  }

  async start(): Promise<void> {
    const { options, bounds } = this.session
    const client = await kafkaClient(options.kafka)
    if (this.stopping) throw new Error('the consumer was stopped before it started')
    options.logger?.info({ group: options.group, client: client.name }, 'a consumer starts')
    this.consumer = client.consumer({
      ...bounds,
      group: physicalGroup(options.kafka, options.group),
      logger: options.logger,
    })
    await this.consumer.start([...this.subscriptions.keys()], {
      joined: (assignment) => this.joined(assignment),
      fetched: () => this.supervisor.progress(),
      crashed: (error) => this.crashed(error),
      batch: (delivery) => this.deliver(delivery),
    })
    if (this.crash) throw this.crash
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true
    for (const timer of this.timers.values()) clearTimeout(timer)
    const { consumer } = this
    if (!consumer) return
    const left = this.leave(consumer).catch((error: Error) => {
      this.session.options.logger?.warn({ error: error.name }, 'the consumer did not leave cleanly')
    })
    if (await endsWithin(left, graceMs)) return
    this.abort.abort()
    await endsWithin(left, LEAVE_MS)
  }

  /** Batches that are under way commit by themselves when they end. */
  private async leave(consumer: ConsumerClient): Promise<void> {
    const alive = this.crash === null
    await Promise.all([...this.partitions.values()].map((runner) => runner.leave(alive)))
    await consumer.close()
  }

  private deliver(delivery: Delivery): Promise<void> {
    const { topic, partition } = delivery.batch
    return this.runner(topic, partition)?.deliver(delivery) ?? Promise.resolve()
  }

  private runner(topic: string, partition: number): PartitionRunner | undefined {
    const name = `${topic}/${partition}`
    const known = this.partitions.get(name)
    if (known) return known
    const subscription = this.subscriptions.get(topic)
    const handler = subscription && this.session.handlers.get(subscription.topic)
    if (!handler) return undefined
    const runner = new PartitionRunner(subscription.topic, partition, subscription, handler, {
      ...this.session,
      signal: this.abort.signal,
      mayGoOn: (generation) => !this.stopping && !this.crash && generation === this.generation,
      generation: () => this.generation,
      alive: () => this.supervisor.progress(),
      seek: (offset) => this.consumer?.seek({ topic, partition, offset: String(offset) }),
      pause: (ms) => this.pause(topic, partition, ms),
    })
    this.partitions.set(name, runner)
    return runner
  }

  /** Partitions that went to another member are forgotten; those that stayed keep their memory. */
  private joined(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.generation += 1
    const mine = new Set(
      Object.entries(assignment).flatMap(([topic, partitions]) => partitions.map((p) => `${topic}/${p}`)),
    )
    for (const [name, runner] of this.partitions) {
      runner.forgetPosition()
      if (!mine.has(name)) this.partitions.delete(name)
    }
    for (const [topic, partitions] of Object.entries(assignment)) void this.position(topic, partitions)
    this.supervisor.progress()
  }

  /** Without a new record no batch would tell that the outside offset lies elsewhere: so it is asked for. */
  private async position(topic: string, partitions: readonly number[], failures = 0): Promise<void> {
    const subscription = this.subscriptions.get(topic)
    const { generation } = this
    if (!subscription?.offsets) return
    try {
      const stored = await subscription.offsets.load(subscription.topic, partitions)
      if (generation !== this.generation || this.stopping || this.crash) return
      for (const partition of partitions)
        this.runner(topic, partition)?.startAt(BigInt(stored.get(partition) ?? '0'))
    } catch (error) {
      const { code } = describeError(error)
      this.session.options.logger?.warn({ topic, code }, 'the stored offsets could not be read')
      if (generation !== this.generation || this.stopping) return
      const wait = backoffOf(this.session.bounds.pauseBackoffMs)(failures + 1)
      const again = () => void this.position(topic, partitions, failures + 1)
      this.timers.set(`${topic} offsets`, setTimeout(again, wait))
    }
  }

  private crashed(error: Error): void {
    this.crash = error
    this.supervisor.crashed(this, error)
  }

  private pause(topic: string, partition: number, ms: number): void {
    if (this.stopping || this.crash) return
    const name = `${topic}/${partition}`
    const { options, metrics } = this.session
    const logical = this.subscriptions.get(topic)?.topic ?? topic
    this.consumer?.pause(topic, partition)
    metrics.paused(options.group, logical, partition, true)
    clearTimeout(this.timers.get(name))
    const resume = () => {
      this.timers.delete(name)
      metrics.paused(options.group, logical, partition, false)
      if (!this.stopping && !this.crash) this.consumer?.resume(topic, partition)
    }
    this.timers.set(name, setTimeout(resume, ms))
  }
}

/** Whether `work` settles within `ms`; the clock does not keep the process alive. */
async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
