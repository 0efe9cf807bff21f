import type { RequestState } from '@lethe/domain'

export interface CachedState {
  readonly version: number
  readonly state: RequestState
}

/**
 * The newest known state per request, least recently used first out. Entries are hints: whoever
 * reads one compares its version with the locked head. It changes only after a commit.
 */
export class StateCache {
  readonly #entries = new Map<string, CachedState>()

  /** @param capacity entries kept at most; 0 switches the cache off */
  constructor(private readonly capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 0)
      throw new RangeError(`a cache cannot hold ${capacity} states`)
  }

  get size(): number {
    return this.#entries.size
  }

  get(requestId: string): CachedState | undefined {
    const entry = this.#entries.get(requestId)
    if (!entry) return undefined
    this.#entries.delete(requestId)
    this.#entries.set(requestId, entry)
    return entry
  }

  put(requestId: string, entry: CachedState): void {
    this.#entries.delete(requestId)
    this.#entries.set(requestId, entry)
    if (this.#entries.size <= this.capacity) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  drop(requestIds: readonly string[]): void {
    for (const requestId of requestIds) this.#entries.delete(requestId)
  }

  clear(): void {
    this.#entries.clear()
  }
}
