import type { Delivery } from './client/port.js'

/** An offset to commit, as long as the group is the one its batch was fetched in. */
export interface Finished {
  readonly delivery: Pick<Delivery, 'commit'>
  readonly next: bigint
  isCurrent(): boolean
}

/**
 * The offset of one partition on the broker. Every commit is a write of the broker, and what is handled again after
 * a crash changes nothing, so offsets are committed at most once per interval and once more when all is quiet.
 */
export class PartitionCommits {
  private committed: bigint | null = null
  private committedAt = 0
  private waiting: Finished | null = null
  private timer: NodeJS.Timeout | undefined

  /** @param intervalMs between two commits */
  constructor(private readonly intervalMs: number) {}

  get due(): boolean {
    return Date.now() - this.committedAt >= this.intervalMs
  }

  /** @throws what the broker says; the offset is then not committed */
  async now(finished: Finished): Promise<void> {
    this.settle()
    if (this.committed === finished.next || !finished.isCurrent()) return
    this.committedAt = Date.now()
    await finished.delivery.commit(String(finished.next))
    this.committed = finished.next
  }

  /** Commits within an interval. A commit that fails then is tried again with the next, or an interval later. */
  soon(finished: Finished): void {
    this.waiting = finished
    this.timer ??= setTimeout(() => void this.flush(), this.committedAt + this.intervalMs - Date.now())
  }

  /** Commits what waits, without an error: whoever reads on or leaves notices by itself that the broker is away. */
  async flush(): Promise<void> {
    const { waiting } = this
    if (waiting === null) return this.settle()
    await this.now(waiting).catch(() => {
      if (this.waiting === null && waiting.isCurrent()) this.soon(waiting)
    })
  }

  /** The group was joined anew: what was not committed comes again, to whoever has the partition now. */
  forget(): void {
    this.settle()
    this.committed = null
  }

  private settle(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.waiting = null
  }
}
