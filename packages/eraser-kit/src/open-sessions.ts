import { RetryableError } from '@lethe/service-host'

interface Closable {
  close(): Promise<void>
}

interface Entry<S> {
  readonly session: Promise<S>
  /** Calls under way, and what they gave out to be read through. */
  uses: number
}

/** Sessions in use at the same time are few; idle ones beyond this are closed. */
const MOST_OPEN = 4

/**
 * Sessions kept open between uses. Those used longest ago are closed when there are too many, and none of them while it is
 * in use: whoever still holds one that was closed opens it anew by using it.
 */
export class OpenSessions<S extends Closable> {
  /** The one used longest ago comes first. */
  private entries = new Map<string, Entry<S>>()

  constructor(private readonly most = MOST_OPEN) {}

  /** Throws what opening throws; a failed opening is not kept. */
  async get(key: string, open: () => Promise<S>): Promise<S> {
    const entries = this.entries
    const shape = await this.used(entries, key, open, async (session) => session)
    const use = <T>(work: (session: S) => Promise<T>) => this.used(entries, key, open, work)
    return standIn(shape, (session) => session, use) as S
  }

  /** Those in use as well: what is given out fails from then on. */
  async close(): Promise<void> {
    const open = [...this.entries.values()]
    this.entries = new Map()
    await Promise.allSettled(open.map(async ({ session }) => (await session).close()))
  }

  private async used<T>(
    entries: Map<string, Entry<S>>,
    key: string,
    open: () => Promise<S>,
    work: (session: S) => Promise<T>,
  ): Promise<T> {
    if (entries !== this.entries)
      throw new RetryableError('session_closed', 'The store was closed behind this; it is opened anew.')
    const entry = entries.get(key) ?? { session: open(), uses: 0 }
    entries.delete(key)
    entries.set(key, entry)
    entry.uses++
    const end = async () => {
      entry.uses--
      await this.closeIdle(entries)
    }
    const session = await entry.session.catch(async (error: unknown) => {
      // The next use tries again.
      if (entries.get(key) === entry) entries.delete(key)
      await end()
      throw error
    })
    let given: T
    try {
      given = await work(session)
    } catch (error) {
      await end()
      throw error
    }
    if (isIterable(given)) return through(given, end) as T
    await end()
    return given
  }

  private async closeIdle(entries: Map<string, Entry<S>>): Promise<void> {
    const youngest = [...entries.keys()].at(-1)
    for (const [key, entry] of entries) {
      if (entries.size <= this.most) return
      // The youngest is about to be used.
      if (entry.uses > 0 || key === youngest) continue
      entries.delete(key)
      await entry.session.then((session) => session.close()).catch(() => undefined)
    }
  }
}

/** Looks like what `of` finds in the session, and does what it is told with the one that is open by then. */
function standIn<S extends object>(
  shape: object,
  of: (session: S) => object,
  use: <T>(work: (session: S) => Promise<T>) => Promise<T>,
): object {
  return new Proxy(shape, {
    get: (_, name) => {
      const value: unknown = Reflect.get(shape, name, shape)
      if (typeof value === 'object' && value !== null)
        return standIn(value, (session: S) => Reflect.get(of(session), name) as object, use)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) =>
        use(async (session): Promise<unknown> => {
          const owner = of(session)
          return Reflect.apply(Reflect.get(owner, name, owner), owner, given)
        })
    },
  })
}

const isIterable = (given: unknown): given is AsyncIterable<unknown> =>
  typeof given === 'object' && given !== null && Symbol.asyncIterator in given

/** In use until it was read to its end, or whoever reads it stops. */
async function* through(given: AsyncIterable<unknown>, end: () => Promise<void>): AsyncGenerator<unknown> {
  try {
    yield* given
  } finally {
    await end()
  }
}
