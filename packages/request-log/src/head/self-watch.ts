import { Pool } from 'pg'
import { lookAtSelf, type SelfState } from './compare.js'
import type { HeadPlace } from './head-file.js'

/** `unknown`: the database or the file could not be asked. */
export type WatchedState = SelfState | { readonly is: 'unknown'; readonly error: unknown }

export interface SelfWatchOptions {
  readonly pgUrl: string
  /** Null where nobody said where the head is: then nothing is ever noticed. */
  readonly place: HeadPlace | null
  /** Called when the state becomes another one, with the one before; null at first. */
  readonly onChange?: (now: WatchedState, before: WatchedState | null) => void
}

/** The code of everything that waits because of it. */
export const LETHE_RESTORED = 'lethe_restored'

/**
 * Whether Lethe's own database is the one it last worked with. Looks when asked to, and before the next answer once
 * somebody suspects: a database can not be replaced under an open connection, so a new connection is reason enough.
 * With nothing suspected an answer costs nothing.
 */
export class SelfWatch {
  private readonly pool: Pool | null
  private current: WatchedState | null = null
  /** Reasons to look so far, and how many of them a look that has ended was begun after. */
  private suspicions = 1
  private answered = 0
  private looking: Promise<void> | null = null

  constructor(private readonly options: SelfWatchOptions) {
    const { pgUrl, place } = options
    this.pool =
      place === null
        ? null
        : new Pool({ connectionString: pgUrl, max: 1, application_name: 'lethe-self', keepAlive: true })
    this.pool?.on('error', () => this.suspect())
  }

  /** New connections of this pool are a reason to look. */
  guards(pool: Pick<Pool, 'on'>): void {
    if (this.pool !== null) pool.on('connect', () => this.suspect())
  }

  get state(): WatchedState | null {
    return this.current
  }

  suspect(): void {
    this.suspicions += 1
  }

  /** Null when decisions may rest on the database, else the code that says why they wait. Never throws. */
  async blocked(): Promise<typeof LETHE_RESTORED | null> {
    if (this.pool === null) return null
    while (this.answered < this.suspicions) await this.look()
    const is = this.current?.is
    return is === 'ok' || is === 'unguarded' ? null : LETHE_RESTORED
  }

  /** Looks now. Several at once are one look. Never throws: what can't be asked is unknown. */
  async look(): Promise<void> {
    if (this.pool === null) return
    this.looking ??= this.once(this.pool).finally(() => {
      this.looking = null
    })
    await this.looking
  }

  async close(): Promise<void> {
    await this.pool?.end()
  }

  private async once(pool: Pool): Promise<void> {
    const { place, onChange } = this.options
    if (place === null) return
    const reasons = this.suspicions
    const next: WatchedState = await lookAtSelf(pool, place).catch((error: unknown) => ({
      is: 'unknown' as const,
      error,
    }))
    const before = this.current
    this.current = next
    this.answered = reasons
    if (!isSame(before, next)) onChange?.(next, before)
  }
}

/**
 * The watch of a service over its pool, with what belongs to it: versions of before and after may be equal and not the
 * same, so its log forgets, and whoever left out where the head is kept is told what that means.
 */
export function watchSelf(given: {
  readonly pgUrl: string
  readonly place: HeadPlace | null
  readonly pool: Pick<Pool, 'on'>
  readonly log?: { forget(): void }
  readonly tell: (now: WatchedState) => void
  readonly logger: { warn(message: string): void }
}): SelfWatch {
  const { pgUrl, place, pool, log, tell, logger } = given
  const onChange = (now: WatchedState) => {
    if (now.is === 'restored') log?.forget()
    tell(now)
  }
  const watch = new SelfWatch({ pgUrl, place, onChange })
  watch.guards(pool)
  if (place === null)
    logger.warn("LETHE_HEAD_FILE is not set: nobody notices when Lethe's own database is restored")
  return watch
}

const isSame = (one: WatchedState | null, other: WatchedState): boolean =>
  one?.is === other.is &&
  (one?.is === 'restored' && other.is === 'restored' ? String(one.reasons) === String(other.reasons) : true)
