import type { BatchContext, Verdict } from '@lethe/messaging'
import { PausedError } from '@lethe/service-host'

/** What a host needs of the transport while it works. */
export type Context = Pick<BatchContext, 'signal' | 'heartbeat'>

interface Waiting<Item> {
  readonly items: readonly Item[]
  readonly context: Context
  resolve(verdicts: readonly Verdict[]): void
  reject(error: unknown): void
}

export interface GatheringLimits {
  /** Calls of the work at the same time. */
  readonly atOnce: number
  /** Items of one call; a batch that has more comes alone. */
  readonly most: number
  /** Told what made the batches of one call be done again alone: it costs, and must not stay unseen. */
  readonly parted?: (error: unknown) => void
}

/**
 * The transport brings each partition's batch by itself; a store is asked once for what is there. Batches that come
 * while earlier work runs are done together, so that six partitions cost one look at the receipts, one question
 * for clearance and one set-wise erasure instead of six one after another. Nothing waits for a batch to fill.
 *
 * When the work throws, each batch is done alone, so that it fails or pauses only its own partition; a pause that
 * is everybody's is not tried again.
 */
export class Gathering<Item> {
  private readonly queue: Waiting<Item>[] = []
  private running = 0

  constructor(
    private readonly work: (items: readonly Item[], context: Context) => Promise<readonly Verdict[]>,
    private readonly limits: GatheringLimits,
  ) {}

  /** One verdict per item, in order. Throws what the work throws. */
  handle(items: readonly Item[], context: Context): Promise<readonly Verdict[]> {
    return new Promise((resolve, reject) => {
      this.queue.push({ items, context, resolve, reject })
      this.start()
    })
  }

  private start(): void {
    if (this.running >= this.limits.atOnce || this.queue.length === 0) return
    this.running++
    // A turn later, so that what was fetched together is done together.
    setImmediate(async () => {
      await this.run(this.queue.splice(0, this.fitting()))
      this.running--
      this.start()
    })
  }

  private fitting(): number {
    let items = 0
    const end = this.queue.findIndex((waiting, index) => {
      items += waiting.items.length
      return index > 0 && items > this.limits.most
    })
    return end === -1 ? this.queue.length : end
  }

  private async run(taken: readonly Waiting<Item>[]): Promise<void> {
    const [only] = taken
    if (only === undefined) return
    try {
      const verdicts = await this.work(
        taken.flatMap(({ items }) => items),
        taken.length === 1 ? only.context : joined(taken.map(({ context }) => context)),
      )
      let from = 0
      for (const { items, resolve } of taken) {
        resolve(verdicts.slice(from, from + items.length))
        from += items.length
      }
    } catch (error) {
      if (taken.length === 1 || error instanceof PausedError) for (const { reject } of taken) reject(error)
      else {
        this.limits.parted?.(error)
        for (const waiting of taken) await this.run([waiting])
      }
    }
  }
}

/** Ends with the first of them: whoever lost its partition may not go on, and the others come again. */
const joined = (contexts: readonly Context[]): Context => ({
  signal: AbortSignal.any(contexts.map(({ signal }) => signal)),
  heartbeat: async () => {
    await Promise.all(contexts.map((context) => context.heartbeat()))
  },
})
