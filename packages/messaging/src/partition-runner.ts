import type { TopicName } from '@lethe/schemas'
import { PausedError } from '@lethe/service-host'
import type { Delivery } from './client/port.js'
import { dispatch, type Effects, type PassResult } from './dispatch.js'
import { describeError, OffsetsMovedError } from './errors.js'
import { BatchContext, type BatchHandler, type Subscription } from './incoming.js'
import type { MessagingMetrics } from './metrics.js'
import { type Finished, PartitionCommits } from './partition-commits.js'
import { PartitionMemory } from './partition-memory.js'
import type { MessageProducer } from './producer.js'
import { quarantine } from './quarantine.js'
import { type Fetched, readBatch } from './read-batch.js'
import type { StrategyOptions } from './strategy-options.js'
import { type Bounds, backoffOf } from './tuning.js'

/** What a partition needs of the consumer it belongs to. */
export interface Surroundings {
  readonly options: StrategyOptions
  readonly bounds: Bounds
  readonly metrics: MessagingMetrics
  readonly deadLetters: MessageProducer
  /** Aborted when the member lost its partitions or the shutdown's deadline passed. */
  readonly signal: AbortSignal
  /** False while stopping, and after the group was joined anew. */
  mayGoOn(generation: number): boolean
  generation(): number
  alive(): void
  seek(offset: bigint): void
  /** Fetches nothing of this partition for `ms`. */
  pause(ms: number): void
}

/** One fetched batch on its way through. */
interface Run {
  readonly delivery: Delivery
  /** Of the group, when the batch was fetched. */
  readonly generation: number
  readonly signal: AbortSignal
  /** What the consumer has to see, so that it joins the group again. */
  consumerError: Error | null
}

/** One partition as this member sees it: position, memory, and the run through each fetched batch. */
export class PartitionRunner {
  readonly memory = new PartitionMemory()
  private running: Promise<void> = Promise.resolve()
  private readonly commits: PartitionCommits
  /** Where the last seek went, until the batch after it was seen. */
  private soughtAt: bigint | null = null

  constructor(
    readonly topic: TopicName,
    readonly partition: number,
    private readonly subscription: Subscription,
    private readonly handler: BatchHandler,
    private readonly around: Surroundings,
  ) {
    this.commits = new PartitionCommits(around.bounds.commitIntervalMs)
  }

  /** Called after every join: what another member did meanwhile is not known. */
  forgetPosition(): void {
    this.memory.position = null
    this.commits.forget()
  }

  /** Before the consumer leaves its group; without a commit where it is dead. */
  leave(commit: boolean): Promise<void> {
    return this.commits.end(commit)
  }

  /** Starts where the outside offset says, unless a batch was quicker and found out by itself. */
  startAt(offset: bigint): void {
    this.running = this.running.then(() => {
      if (this.memory.position !== null) return
      this.memory.position = offset
      this.seekTo(offset)
    })
  }

  /** Runs through a batch; an earlier one that outlived a rebalance is waited for. */
  async deliver(delivery: Delivery): Promise<void> {
    const lost = new AbortController()
    const signal = AbortSignal.any([this.around.signal, lost.signal])
    const run: Run = { delivery, generation: this.around.generation(), signal, consumerError: null }
    const stopBeating = this.beat(run, lost)
    const mine = this.running.then(() => this.run(run))
    this.running = mine
    await mine.finally(stopBeating)
    if (run.consumerError) throw run.consumerError
  }

  /** Never rejects: what goes wrong pauses the partition or is left in `run.consumerError`. */
  private async run(run: Run): Promise<void> {
    const started = performance.now()
    try {
      if (this.stale(run) || !(await this.inPosition(run))) return
      await this.conclude(run, await this.pass(run))
    } catch (error) {
      if (error instanceof OffsetsMovedError) this.moved()
      else this.rest(error)
    } finally {
      const seconds = (performance.now() - started) / 1000
      this.around.metrics.batch(this.around.options.group, this.topic, seconds)
    }
  }

  private async pass(run: Run): Promise<PassResult> {
    const { options, bounds } = this.around
    const { batch } = run.delivery
    const { works, skipped } = await readBatch(
      batch.messages,
      { topic: this.topic, partition: this.partition, group: options.group },
      this.subscription,
      options.codec,
    )
    if (skipped > 0) this.around.metrics.skipped(options.group, this.topic, skipped)
    const rules = {
      mode: this.subscription.mode,
      maxBatch: this.subscription.maxBatch ?? 500,
      concurrency: this.subscription.concurrency ?? 8,
      maxAttempts: this.subscription.maxAttempts ?? 5,
      backoff: backoffOf(bounds.retryBackoffMs),
    }
    const end = BigInt(batch.lastOffset()) + 1n
    return dispatch(works, end, this.memory, rules, this.effects(run))
  }

  private effects(run: Run): Effects<Fetched> {
    return {
      handle: (items, position) => this.handle(items, position, run),
      quarantine: (work, error, attempts) =>
        quarantine(this.around, this.subscription, work, error, attempts),
      progress: async (low) => {
        this.around.alive()
        if (this.commits.due && this.mayGoOn(run)) await this.commit(run, low)
        return this.mayGoOn(run)
      },
      now: () => Date.now(),
    }
  }

  private async handle(
    items: readonly Fetched[],
    position: { from: bigint; next: bigint },
    run: Run,
  ): ReturnType<Effects<Fetched>['handle']> {
    const { options, metrics } = this.around
    // A member that was replaced stops before its next call; its records belong to another one.
    if (!this.around.mayGoOn(run.generation) || run.signal.aborted) throw new OffsetsMovedError()
    const batch = items.flatMap((item) => (item.read ? [item.incoming] : []))
    const context = new BatchContext(
      options.group,
      this.topic,
      this.partition,
      { from: String(position.from), next: String(position.next) },
      run.signal,
      async () => this.around.alive(),
    )
    try {
      const verdicts = await this.handler(batch, context)
      const failures = verdicts?.filter((verdict) => !verdict.ok).length ?? 0
      metrics.handled(options.group, this.topic, batch.length - failures)
      return verdicts
    } catch (error) {
      const { errorClass, code } = describeError(error)
      metrics.failed(options.group, this.topic, errorClass)
      options.logger?.warn(
        {
          group: options.group,
          topic: this.topic,
          partition: this.partition,
          items: batch.length,
          code,
          errorClass,
        },
        'a handler failed',
      )
      throw error
    }
  }

  private async conclude(run: Run, result: PassResult): Promise<void> {
    if (this.stale(run)) return
    await this.advanceOutside(result.low)
    run.delivery.resolveOffset(String(result.low - 1n))
    if (this.commits.due || !this.mayGoOn(run)) await this.commit(run, result.low)
    else this.commits.soon(this.finished(run, result.low))
    this.memory.forgetBelow(result.low)
    if (result.status === 'later') this.around.pause(Math.max(1, result.waitMs))
    if (result.status === 'paused') this.rest(result.error)
    if (result.status === 'moved') this.moved()
  }

  /** Records that need no handler still move the offset that is stored outside. */
  private async advanceOutside(low: bigint): Promise<void> {
    const { position } = this.memory
    if (!this.subscription.offsets || position === null || position >= low) return
    await this.subscription.offsets.advance(this.topic, this.partition, String(position), String(low))
    this.memory.position = low
  }

  private async commit(run: Run, low: bigint): Promise<void> {
    try {
      await this.commits.now(this.finished(run, low))
    } catch (error) {
      run.consumerError ??= error as Error
    }
  }

  private finished(run: Run, next: bigint): Finished {
    return { delivery: run.delivery, next, isCurrent: () => !this.stale(run) }
  }

  /** Nothing is lost and no attempt spent: the partition waits, longer each time, and is read again. */
  private rest(error: unknown): void {
    const { options, bounds } = this.around
    const ms = backoffOf(bounds.pauseBackoffMs)(++this.memory.pauses)
    const { code, errorClass } = describeError(error)
    options.logger?.warn(
      { group: options.group, topic: this.topic, partition: this.partition, code, errorClass, ms },
      'a partition pauses',
    )
    this.around.pause(ms)
  }

  private moved(): void {
    this.memory.position = null
    if (!this.subscription.offsets) this.around.pause(1)
  }

  /** Whether the batch starts where the outside offset says; otherwise seeks and waits for another. */
  private async inPosition({ delivery: { batch } }: Run): Promise<boolean> {
    const { offsets } = this.subscription
    if (!offsets) return true
    if (this.memory.position === null) {
      const stored = await offsets.load(this.topic, [this.partition])
      this.memory.position = BigInt(stored.get(this.partition) ?? '0')
    }
    const expected = this.memory.position
    const first = BigInt(batch.firstOffset() ?? batch.lastOffset())
    const sought = this.soughtAt === expected
    this.soughtAt = null
    if (first === expected) return true
    if (first > expected && sought) {
      // Read from exactly there: retention or compaction took what was between.
      this.around.metrics.gap(this.around.options.group, this.topic)
      return true
    }
    if (sought)
      throw new PausedError('offset_beyond_log', `offset ${expected} is stored, but the topic ends before it`)
    this.seekTo(expected)
    return false
  }

  private seekTo(offset: bigint): void {
    this.soughtAt = offset
    this.around.seek(offset)
  }

  private mayGoOn(run: Run): boolean {
    return run.consumerError === null && this.around.mayGoOn(run.generation)
  }

  /** The group was joined anew since: the consumer's offsets are not this run's business any more. */
  private stale(run: Run): boolean {
    return this.around.generation() !== run.generation
  }

  /** Group heartbeats while a batch runs, however long the handler takes. */
  private beat(run: Run, lost: AbortController): () => void {
    const timer = setInterval(() => {
      run.delivery.heartbeat().catch((error: Error & { type?: string }) => {
        run.consumerError ??= error
        clearInterval(timer)
        // Others may have the partition already; a rebalance in progress still waits for us.
        if (error.type === 'UNKNOWN_MEMBER_ID' || error.type === 'ILLEGAL_GENERATION') lost.abort()
      })
    }, this.around.bounds.heartbeatIntervalMs)
    return () => clearInterval(timer)
  }
}
