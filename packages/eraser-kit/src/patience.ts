import { PausedError, StoreAwayError } from './errors.js'
import { passKey } from './settle.js'

interface PassKey {
  readonly requestId: string
  readonly passId: string
}

/**
 * Milliseconds a pass waits for a store that answers others: long enough for a restart, a failover or a full disk
 * that somebody clears, and short enough that one index which stays lost does not hold up everybody.
 */
export const PATIENCE_MS = 300_000
/** A pass that was not seen again for so long is somebody else's now. */
const FORGOTTEN_MS = 3_600_000

/** How long passes have been waiting for a store that says it takes no work now. */
export class Patience {
  private readonly waiting = new Map<string, { readonly since: number; seen: number }>()

  constructor(
    private readonly now: () => number,
    private readonly longestMs = PATIENCE_MS,
  ) {}

  /** Whether the pass waits on, having met this error; false when the error is its own or the wait has ended. */
  hasFor(pass: PassKey, error: unknown): boolean {
    if (!(error instanceof StoreAwayError)) return false
    const now = this.now()
    for (const [key, { seen }] of this.waiting) if (now - seen > FORGOTTEN_MS) this.waiting.delete(key)
    const wait = this.waiting.get(passKey(pass)) ?? { since: now, seen: now }
    wait.seen = now
    this.waiting.set(passKey(pass), wait)
    return now - wait.since < this.longestMs
  }

  /** The pass is settled, one way or another. */
  forget(pass: PassKey): void {
    this.waiting.delete(passKey(pass))
  }
}

/** Nothing is spent: the command comes again, and everybody else's goes on. */
export const waits = (error: unknown): PausedError => {
  const code = error instanceof StoreAwayError ? error.code : 'store_away'
  return new PausedError(code, 'The store takes no work now; the pass waits.', { cause: error })
}
