import { PausedError, RetryableError, TerminalError } from '@lethe/service-host'
import { OffsetsMovedError } from './errors.js'
import type { HandlerResult } from './incoming.js'
import type { Attempts, PartitionMemory } from './partition-memory.js'

/** One record to be handled. */
export interface Work<T> {
  readonly offset: bigint
  /** Records with the same key are handled in their order; null stands alone. */
  readonly key: string | null
  readonly item: T
  /** Set when the record could not even be decoded: it goes straight to the dead letters. */
  readonly unreadable?: Error
}

/** What `dispatch` calls. Nothing here knows of Kafka. */
export interface Effects<T> {
  handle(
    items: readonly T[],
    position: { readonly from: bigint; readonly next: bigint },
  ): Promise<HandlerResult>
  /** Must not resolve before the record is safe in quarantine. */
  quarantine(work: Work<T>, error: Error, attempts: Attempts): Promise<void>
  /** Told after every chunk; false asks for a stop before the next one. */
  progress(low: bigint): Promise<boolean>
  now(): number
}

/** Bounds of one pass. */
export interface DispatchRules {
  readonly mode: 'batch' | 'keyed'
  readonly maxBatch: number
  readonly concurrency: number
  readonly maxAttempts: number
  /** Milliseconds before the attempt after `failures` failures. */
  backoff(failures: number): number
}

/** How a pass over a batch ended; `low` is the first record that is not finished. */
export type PassResult = { readonly low: bigint } & (
  | { readonly status: 'done' | 'stopped' | 'moved' }
  | { readonly status: 'later'; readonly waitMs: number }
  | { readonly status: 'paused'; readonly error: Error }
)

/** A failed whole set is tried again so often before it is bisected. */
const SET_RETRIES = 2

/**
 * One pass over the records of one partition. A set that fails is bisected until the bad record
 * stands alone; a bad record is put off with its key's later ones while other keys go on, and is
 * quarantined after `maxAttempts`. Nothing sleeps here: `later` asks the caller to come back with
 * the same memory, and what was finished is skipped then.
 */
export async function dispatch<T>(
  works: readonly Work<T>[],
  end: bigint,
  memory: PartitionMemory,
  rules: DispatchRules,
  effects: Effects<T>,
): Promise<PassResult> {
  const pass = new Pass(works, end, memory, rules, effects)
  return pass.run()
}

class Pass<T> {
  /** Keys of which an earlier record waits for a retry. */
  private readonly blocked = new Set<string>()
  private waitMs: number | null = null
  private halt: { status: 'stopped' | 'moved' } | { status: 'paused'; error: Error } | null = null
  private cursor = 0

  constructor(
    private readonly works: readonly Work<T>[],
    private readonly end: bigint,
    private readonly memory: PartitionMemory,
    private readonly rules: DispatchRules,
    private readonly effects: Effects<T>,
  ) {}

  async run(): Promise<PassResult> {
    const open = this.works.filter(({ offset }) => !this.memory.isFinished(offset))
    for (const work of open) this.holdBack(work)
    if (this.rules.mode === 'batch') await this.runInOrder(open)
    else await this.runKeys(open)
    const low = this.low()
    if (this.halt) return { low, ...this.halt }
    if (this.waitMs !== null) return { low, status: 'later', waitMs: this.waitMs }
    this.memory.setFailures = 0
    return { low, status: 'done' }
  }

  private async runInOrder(works: readonly Work<T>[]): Promise<void> {
    for (let from = 0; from < works.length && !this.halt; from += this.rules.maxBatch) {
      await this.runSet(works.slice(from, from + this.rules.maxBatch))
      await this.report()
    }
  }

  /** Lanes of one key each, `concurrency` of them at once. */
  private async runKeys(works: readonly Work<T>[]): Promise<void> {
    const lanes = new Map<string, Work<T>[]>()
    for (const work of works) {
      const name = laneOf(work)
      const lane = lanes.get(name)
      if (lane) lane.push(work)
      else lanes.set(name, [work])
    }
    const waiting = lanes.values()
    const worker = async () => {
      for (const lane of waiting) {
        if (this.halt) return
        await this.runInOrder(lane)
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.rules.concurrency, lanes.size) }, worker))
  }

  /** Handles a set, halving it on failure: the left half is finished before the right one starts. */
  private async runSet(set: readonly Work<T>[]): Promise<void> {
    const open = set.filter((work) => !this.blocked.has(laneOf(work)))
    const unreadable = open.findIndex((work) => work.unreadable)
    if (unreadable >= 0) {
      await this.runSet(open.slice(0, unreadable))
      const work = open[unreadable]
      const waits = work && this.blocked.has(laneOf(work))
      if (work?.unreadable && !waits && !this.halt) await this.fail(work, work.unreadable, true)
      return this.runSet(open.slice(unreadable + 1))
    }
    if (open.length === 0 || this.halt) return
    const error = await this.attempt(open)
    if (!error || this.halt) return
    const [only] = open
    if (open.length === 1 && only) return this.fail(only, error, error instanceof TerminalError)
    if (error instanceof RetryableError && this.memory.setFailures < SET_RETRIES)
      return this.putOff(open, this.rules.backoff(++this.memory.setFailures))
    const half = Math.ceil(open.length / 2)
    await this.runSet(open.slice(0, half))
    await this.runSet(open.slice(half))
  }

  /** Calls the handler; returns the error of the whole set, if there was one. */
  private async attempt(set: readonly Work<T>[]): Promise<Error | null> {
    const next = this.low(new Set(set.map(({ offset }) => offset)))
    const from = this.memory.position ?? this.low()
    try {
      const verdicts = await this.effects.handle(
        set.map(({ item }) => item),
        { from, next },
      )
      if (this.memory.position !== null) this.memory.position = next
      await this.settle(set, verdicts)
      return null
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof PausedError) this.halt ??= { status: 'paused', error }
      if (error instanceof OffsetsMovedError) this.halt = { status: 'moved' }
      return error
    }
  }

  private async settle(set: readonly Work<T>[], verdicts: HandlerResult): Promise<void> {
    if (verdicts && verdicts.length !== set.length)
      throw new TypeError(`the handler gave ${verdicts.length} verdicts for ${set.length} items`)
    for (const [index, work] of set.entries()) {
      const verdict = verdicts?.[index]
      if (!verdict || verdict.ok) this.memory.finish(work.offset)
      // The handler's transaction has moved its own offset past this record: it can not come again.
      else if (this.memory.position !== null) await this.fail(work, verdict.error, true)
      else if (verdict.error instanceof PausedError) this.halt ??= { status: 'paused', error: verdict.error }
      else await this.fail(work, verdict.error, verdict.error instanceof TerminalError)
    }
  }

  /** One record failed by itself: put off with its key, or quarantined when nothing will help. */
  private async fail(work: Work<T>, error: Error, hopeless: boolean): Promise<void> {
    const attempts = this.memory.fail(work.offset, this.effects.now())
    if (!hopeless && attempts.count < this.rules.maxAttempts) {
      const waitMs = this.rules.backoff(attempts.count)
      attempts.notBefore = this.effects.now() + waitMs
      return this.putOff([work], waitMs)
    }
    try {
      await this.effects.quarantine(work, error, attempts)
      this.memory.finish(work.offset)
    } catch (thrown) {
      // The record must not be lost, so the partition waits until quarantine works again.
      attempts.count -= 1
      this.halt ??= {
        status: 'paused',
        error: new PausedError('quarantine_failed', 'the dead letter could not be stored', {
          cause: asError(thrown),
        }),
      }
    }
  }

  /** A record whose backoff is not over blocks its key from the start of the pass. */
  private holdBack(work: Work<T>): void {
    const waitMs = (this.memory.attempts(work.offset)?.notBefore ?? 0) - this.effects.now()
    if (waitMs > 0) this.putOff([work], waitMs)
  }

  private putOff(set: readonly Work<T>[], waitMs: number): void {
    for (const work of set) this.blocked.add(laneOf(work))
    this.waitMs = this.waitMs === null ? waitMs : Math.min(this.waitMs, waitMs)
  }

  private async report(): Promise<void> {
    if (!(await this.effects.progress(this.low()))) this.halt ??= { status: 'stopped' }
  }

  /** The first unfinished offset, counting `also` as finished; records left out count as finished. */
  private low(also?: ReadonlySet<bigint>): bigint {
    let index = this.cursor
    for (; index < this.works.length; index++) {
      const offset = this.works[index]?.offset
      if (offset === undefined || !(this.memory.isFinished(offset) || also?.has(offset))) break
    }
    if (!also) this.cursor = index
    return this.works[index]?.offset ?? this.end
  }
}

function laneOf(work: Work<unknown>): string {
  return work.key === null ? `#${work.offset}` : `=${work.key}`
}

function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new Error('the handler threw something that is not an error')
}
