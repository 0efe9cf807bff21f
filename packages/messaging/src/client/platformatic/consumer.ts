import type { KafkaConfig } from '../../config.js'
import type { ConsumerClient, ConsumerClientOptions, ConsumerEvents, Delivery } from '../port.js'
import { asksToRejoin, portError } from './errors.js'
import { type Assignment, type Fence, Membership } from './membership.js'
import { type Got, Reader } from './reader.js'
import type { PlatformaticBatch } from './records.js'
import { Signal } from './signal.js'
import { Slot } from './slot.js'

/** Rounds of fetching that may fail in a row; each has the library's own retries in it. */
const MAX_FAILURES = 3
const FAILURE_MS = 500
/** What a batch gets beyond the shutdown's deadline, to answer its abort. */
const LEFT_BEHIND_MS = 2_000

/**
 * The library's stream has no seek, no pause of one partition and no fence around a commit, so this reads with
 * its single fetches: at most one batch of a partition is handled and one more waits in memory.
 */
export class PlatformaticConsumer implements ConsumerClient {
  private readonly membership: Membership
  private readonly reader: Reader
  private readonly signal = new Signal()
  private readonly paused = new Set<string>()
  private slots = new Map<string, Slot>()
  /** Slots with a batch that waits, the longest waiting first. */
  private waiting: Slot[] = []
  private readonly running = new Set<PlatformaticDelivery>()
  /** From the word that the group rebalances until it was joined anew nothing new is delivered. */
  private holding = true
  private closing = false
  private ended = false
  private failures = 0
  private events: ConsumerEvents | null = null

  constructor(
    config: KafkaConfig,
    private readonly options: ConsumerClientOptions,
  ) {
    this.membership = new Membership(config, options, {
      finishFirst: () => this.finishFirst(),
      joined: (assignment) => this.joined(assignment),
      lost: (error) => this.crash(error),
    })
    this.reader = new Reader(config, options, this.membership)
  }

  async start(topics: readonly string[], events: ConsumerEvents): Promise<void> {
    this.events = events
    await this.membership.join(topics)
    void this.loop()
  }

  seek({ topic, partition, offset }: { topic: string; partition: number; offset: string }): void {
    this.slots.get(`${topic}/${partition}`)?.seek(BigInt(offset))
    this.signal.raise()
  }

  pause(topic: string, partition: number): void {
    this.paused.add(`${topic}/${partition}`)
  }

  resume(topic: string, partition: number): void {
    this.paused.delete(`${topic}/${partition}`)
    this.signal.raise()
  }

  async close(): Promise<void> {
    this.closing = true
    this.signal.raise()
    await this.idle(this.options.shutdownMs + LEFT_BEHIND_MS)
    this.ended = true
    this.signal.raise()
    await Promise.all([this.membership.leave(), this.reader.close()])
  }

  /** Delivers and fetches whenever something has changed; never rejects. */
  private async loop(): Promise<void> {
    while (!this.ended) {
      this.deliverWaiting()
      const wanted = this.wanted()
      if (wanted.length > 0)
        await this.reader
          .start(wanted, (got) => void this.take(got))
          .catch((error: unknown) => this.failed(error))
      await this.signal.next()
    }
  }

  /** kafkajs fetches nothing while a batch runs, and the watchdog counts on it; here others go on for a while. */
  private stuck(): boolean {
    const before = Date.now() - this.options.stallMs
    for (const { lastSign } of this.running) if (lastSign < before) return true
    return false
  }

  /** Partitions that have room for a batch. */
  private wanted(): Slot[] {
    if (this.closing || this.holding || this.stuck()) return []
    return [...this.slots.values()].filter(
      (slot) => slot.known && slot.ready === null && !this.paused.has(slot.name),
    )
  }

  private async take(answer: Promise<Got<Slot>[]>): Promise<void> {
    try {
      const got = await answer
      this.failures = 0
      if (this.ended) return
      if (!this.stuck()) this.events?.fetched()
      for (const { wanted: slot, from, batch, moveTo } of got) {
        // Sought elsewhere meanwhile, or another generation's.
        if (slot.position !== from || this.slots.get(slot.name) !== slot) continue
        if (moveTo !== undefined) slot.seek(moveTo)
        else if (batch && batch.messages.length === 0) slot.position = batch.next
        else if (batch) this.waits(slot, batch)
      }
    } catch (error) {
      await this.failed(error)
    } finally {
      this.signal.raise()
    }
  }

  private waits(slot: Slot, batch: PlatformaticBatch): void {
    slot.ready = batch
    this.waiting.push(slot)
  }

  private deliverWaiting(): void {
    this.waiting = this.waiting.filter((slot) => slot.ready !== null && this.slots.get(slot.name) === slot)
    while (this.running.size < this.options.partitionsAtOnce && !this.holding && !this.closing) {
      const index = this.waiting.findIndex((slot) => !slot.running && !this.paused.has(slot.name))
      const [slot] = index < 0 ? [] : this.waiting.splice(index, 1)
      if (!slot?.ready) return
      void this.deliver(slot, slot.ready)
    }
  }

  private async deliver(slot: Slot, batch: PlatformaticBatch): Promise<void> {
    const delivery = new PlatformaticDelivery(batch, this.membership)
    slot.begin(batch)
    this.running.add(delivery)
    try {
      await this.events?.batch(delivery)
    } catch (error) {
      this.batchFailed(delivery.fence, error)
    } finally {
      slot.conclude(batch, delivery.next)
      this.running.delete(delivery)
      this.signal.raise()
    }
  }

  /** The next heartbeat joins the group again where that helps; until then nothing is delivered. */
  private batchFailed(fence: Fence, error: unknown): void {
    if (!asksToRejoin(error)) this.crash(portError(error))
    else if (this.membership.isStill(fence)) this.holding = true
  }

  /** As long as it takes: whom the group no longer waits for it excludes, and who is busy needs no new partitions. */
  private async finishFirst(): Promise<void> {
    this.holding = true
    await this.idle(Number.POSITIVE_INFINITY)
  }

  /** Resolves when no batch is under way, after `ms`, or when this consumer has ended. */
  private async idle(ms: number): Promise<void> {
    const deadline = Date.now() + ms
    while (this.running.size > 0 && Date.now() < deadline && !this.ended)
      await new Promise((resolve) => setTimeout(resolve, 10))
  }

  private joined(assignment: Assignment): void {
    const slots = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => new Slot(topic, partition)),
    )
    this.slots = new Map(slots.map((slot) => [slot.name, slot]))
    this.waiting = []
    this.holding = false
    this.events?.joined(assignment)
    if (slots.length > 0) void this.place(assignment, this.slots)
  }

  /** Every partition starts where the group left it, unless it was sought by then. */
  private async place(assignment: Assignment, slots: ReadonlyMap<string, Slot>): Promise<void> {
    try {
      const positions = await this.membership.positions(assignment)
      for (const [name, slot] of slots) slot.place(positions.get(name) ?? 0n)
      this.signal.raise()
    } catch (error) {
      // Another join asks anew.
      if (this.slots === slots && !asksToRejoin(error)) this.crash(portError(error))
    }
  }

  private async failed(error: unknown): Promise<void> {
    if (this.ended) return
    this.failures += 1
    this.options.logger?.warn({ type: portError(error).type }, 'platformatic: a fetch failed')
    if (this.failures > MAX_FAILURES) return this.crash(portError(error))
    this.membership.consumer.clearMetadata()
    await new Promise((resolve) => setTimeout(resolve, FAILURE_MS))
    this.signal.raise()
  }

  private crash(error: Error): void {
    if (this.ended || this.closing) return
    this.closing = true
    this.events?.crashed(error)
  }
}

class PlatformaticDelivery implements Delivery {
  readonly fence: Fence
  next: bigint | null = null
  /** Epoch milliseconds. */
  lastSign = Date.now()

  constructor(
    readonly batch: PlatformaticBatch,
    private readonly membership: Membership,
  ) {
    this.fence = membership.fence()
  }

  resolveOffset(offset: string): void {
    this.next = BigInt(offset) + 1n
  }

  heartbeat(): Promise<void> {
    return this.membership.heartbeat(this.fence)
  }

  commit(next: string): Promise<void> {
    this.lastSign = Date.now()
    const { topic, partition } = this.batch
    return this.membership.commit(this.fence, topic, partition, next)
  }
}
