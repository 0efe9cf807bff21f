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
  private ended = false

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

  /** The consumer leaves or is dead: what waits is committed now or comes again, and nothing is tried any more. */
  async end(commit: boolean): Promise<void> {
    this.ended = true
    if (commit) await this.flush()
    this.settle()
  }

  /** The group was joined anew: what was not committed comes again, to whoever has the partition now. */
  forget(): void {
    this.settle()
    this.committed = null
  }

  /** Without an error: whoever reads on notices by itself that the broker is away. */
  private async flush(): Promise<void> {
    const { waiting, committed } = this
    if (waiting === null) return
    await this.now(waiting).catch(() => {
      // Not once a newer offset was committed meanwhile: it would go back.
      const isNewest = this.waiting === null && this.committed === committed
      if (isNewest && !this.ended && waiting.isCurrent()) this.soon(waiting)
    })
  }

  private settle(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.waiting = null
  }
}
