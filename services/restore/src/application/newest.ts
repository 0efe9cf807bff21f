/**
 * Writes the newest of what it is given, one after the other: what was put while another is written and is older than the
 * last is never written at all. For states of which each stands for all before it.
 */
export class Newest<T> {
  private waiting: { readonly state: T } | null = null
  private writing: Promise<void> | null = null
  private failure: { readonly error: unknown } | null = null

  constructor(private readonly write: (state: T) => Promise<void>) {}

  /** Does not wait. Throws what an earlier write failed with: nothing is written behind it. */
  put(state: T): void {
    this.assertWhole()
    this.waiting = { state }
    this.writing ??= this.drain()
  }

  /** Resolves when the newest is written. Throws as `put`. */
  async written(): Promise<void> {
    await this.writing
    this.assertWhole()
  }

  /** Resolves when nothing is being written any more, whatever came of it. */
  async idle(): Promise<void> {
    await this.writing
  }

  private assertWhole(): void {
    if (this.failure !== null) throw this.failure.error
  }

  /** Never rejects. */
  private async drain(): Promise<void> {
    try {
      for (let next = this.waiting; next !== null; next = this.waiting) {
        this.waiting = null
        await this.write(next.state)
      }
    } catch (error) {
      this.failure = { error }
    } finally {
      this.writing = null
    }
  }
}
