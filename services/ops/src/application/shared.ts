/** An answer and the moment before which nothing of it was read, epoch milliseconds. */
export interface Dated<T> {
  readonly startedAt: number
  readonly value: T
}

interface Running<T> {
  startedAt: number | null
  readonly result: Promise<Dated<T>>
}

/**
 * One costly answer for many callers. Each says how old its answer may be; a work that began too early for a
 * caller is never given to it, not even while it is still running: what it has read may be older than the
 * question. At most one work runs and one waits, however many ask.
 */
export class Shared<T> {
  private last: Dated<T> | null = null
  private running: Running<T> | null = null
  private waiting: Running<T> | null = null

  constructor(
    private readonly work: () => Promise<T>,
    private readonly now: () => number = Date.now,
  ) {}

  /** @param maxAgeMs 0: everything in the answer is read after this call */
  read(maxAgeMs: number): Promise<Dated<T>> {
    const oldest = this.now() - maxAgeMs
    if (maxAgeMs > 0) {
      if (this.last && this.last.startedAt >= oldest) return Promise.resolve(this.last)
      const begun = this.running?.startedAt
      if (this.running && begun !== null && begun !== undefined && begun >= oldest) return this.running.result
    }
    if (this.waiting) return this.waiting.result
    const next = this.start(this.running?.result)
    if (this.running) this.waiting = next
    else this.running = next
    return next.result
  }

  private start(after: Promise<unknown> | undefined): Running<T> {
    const run: { startedAt: number | null } = { startedAt: null }
    const result = (async () => {
      // How the one before ended is its own callers' business.
      if (after) await after.catch(() => undefined)
      run.startedAt = this.now()
      const dated = { startedAt: run.startedAt, value: await this.work() }
      this.last = dated
      return dated
    })().finally(() => {
      this.running = this.waiting
      this.waiting = null
    })
    return Object.assign(run, { result })
  }
}

/** A shared answer per question. Of so many only; the one that was not asked longest makes room. */
export class SharedBy<Q, T> {
  private readonly byKey = new Map<string, Shared<T>>()

  constructor(
    private readonly work: (question: Q) => Promise<T>,
    private readonly most = 200,
  ) {}

  get size(): number {
    return this.byKey.size
  }

  read(question: Q, maxAgeMs: number): Promise<Dated<T>> {
    const key = JSON.stringify(question)
    const shared = this.byKey.get(key) ?? new Shared(() => this.work(question))
    this.byKey.delete(key)
    this.byKey.set(key, shared)
    const [oldest] = this.byKey.keys()
    if (this.byKey.size > this.most && oldest !== undefined) this.byKey.delete(oldest)
    return shared.read(maxAgeMs)
  }
}
