/** How often one record was tried, and since when. */
export interface Attempts {
  count: number
  /** Epoch milliseconds before which it is not tried again. */
  notBefore: number
  /** Epoch milliseconds of the first failure. */
  readonly firstSeen: number
}

/**
 * What a member remembers of one partition between two looks at it: which records above the
 * committed offset are finished, and how often the others failed. Losing it costs duplicates and
 * fresh attempts, never a record. Its size is bounded by one fetch, because a partition is read
 * again from its first unfinished record.
 */
export class PartitionMemory {
  private readonly finished = new Set<bigint>()
  private readonly failures = new Map<bigint, Attempts>()
  /** Retryable failures of a whole set in a row. */
  setFailures = 0
  /** Pauses in a row without a finished record between. */
  pauses = 0
  /** The offset stored outside Kafka, once it is known. */
  position: bigint | null = null

  isFinished(offset: bigint): boolean {
    return this.finished.has(offset)
  }

  finish(offset: bigint): void {
    this.finished.add(offset)
    this.failures.delete(offset)
    this.pauses = 0
  }

  attempts(offset: bigint): Attempts | undefined {
    return this.failures.get(offset)
  }

  fail(offset: bigint, now: number): Attempts {
    const attempts = this.failures.get(offset) ?? { count: 0, notBefore: 0, firstSeen: now }
    attempts.count += 1
    this.failures.set(offset, attempts)
    return attempts
  }

  /** Forgets everything below the first unfinished record. */
  forgetBelow(low: bigint): void {
    for (const offset of this.finished) if (offset < low) this.finished.delete(offset)
    for (const offset of this.failures.keys()) if (offset < low) this.failures.delete(offset)
  }

  get size(): number {
    return this.finished.size + this.failures.size
  }
}
