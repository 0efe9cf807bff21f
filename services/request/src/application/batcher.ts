/** Work that came while earlier work was in flight is done together, in bounded batches. */
export interface BatchLimits<Item = unknown> {
  /** Items of one batch, or their weight where items differ; one item alone may weigh more. */
  readonly maxBatch: number
  /** Default 1. */
  readonly weightOf?: (item: Item) => number
  /** Batches at the same time. */
  readonly concurrency: number
  /** Items waiting or running; more are turned away. */
  readonly maxInFlight: number
}

interface Waiting<Item, Result> {
  readonly item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Groups single calls into calls over an array, without waiting for a batch to fill.
 * When a batch throws, each of its items is tried once alone, so that a bad one fails only itself.
 */
export class Batcher<Item, Result> {
  private readonly queue: Waiting<Item, Result>[] = []
  private running = 0
  private inFlight = 0

  constructor(
    private readonly work: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly limits: BatchLimits<Item>,
  ) {}

  /** @returns null when the bound is reached: the caller should come back later. */
  submit(item: Item): Promise<Result> | null {
    if (this.inFlight >= this.limits.maxInFlight) return null
    this.inFlight++
    return new Promise<Result>((resolve, reject) => {
      this.queue.push({ item, resolve, reject })
      this.start()
    }).finally(() => {
      this.inFlight--
    })
  }

  private start(): void {
    if (this.running >= this.limits.concurrency || this.queue.length === 0) return
    this.running++
    // A tick later, so that calls made in the same turn share a batch.
    setImmediate(async () => {
      const batch = this.queue.splice(0, this.fitting())
      await this.run(batch)
      this.running--
      this.start()
    })
  }

  /** How many of the waiting items make the next batch. */
  private fitting(): number {
    const { maxBatch, weightOf = () => 1 } = this.limits
    let weight = 0
    const end = this.queue.findIndex(({ item }, index) => {
      weight += weightOf(item)
      return index > 0 && weight > maxBatch
    })
    return end === -1 ? this.queue.length : end
  }

  private async run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    if (batch.length === 0) return
    try {
      const results = await this.work(batch.map(({ item }) => item))
      batch.forEach((waiting, index) => {
        waiting.resolve(results[index] as Result)
      })
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error)
      else for (const waiting of batch) await this.run([waiting])
    }
  }
}
