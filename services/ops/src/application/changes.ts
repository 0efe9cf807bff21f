import { setTimeout as delay } from 'node:timers/promises'
import type { EventStore, Position, StoredEvent } from '@lethe/event-store'
import type { TenantScope } from '@lethe/request-log'

/** Something happened to a request; what it now is stands on its page. */
export interface Change {
  /** Give it back as `after` or as `Last-Event-ID` to go on behind it. */
  readonly position: Position
  readonly requestId: string
  readonly tenantId: string
  readonly version: number
  readonly type: string
}

export interface ChangePage {
  readonly items: readonly Change[]
  /** Where to go on; also after a page in which nothing was the caller's. */
  readonly next: Position
  /** Nothing more was there at that moment. */
  readonly end: boolean
}

/** What the feed needs of the log and the read models. */
export interface ChangeSource extends Pick<EventStore, 'readAll'> {
  /** Where whoever wants only what is new begins. */
  end(): Promise<Position>
  tenantsOf(requestIds: readonly string[]): Promise<ReadonlyMap<string, string>>
}

interface Wait {
  readonly page: Promise<ChangePage>
  readers: number
  readonly end: AbortController
}

const PAGE = 500

/**
 * What changed, from the log itself: a reader goes on wherever it stopped, at any instance, as long as the log
 * exists. Readers that are at the end share one poll, so that many consoles cost as much as one.
 */
export class Changes {
  /** Everybody at the same place waits for the same page. */
  private readonly waits = new Map<Position, Wait>()
  private readonly stopped = new AbortController()

  constructor(
    private readonly source: ChangeSource,
    private readonly pollMs = 100,
  ) {}

  /** Where whoever wants only what is new begins. */
  end(): Promise<Position> {
    return this.source.end()
  }

  /** At once, also when there is nothing. */
  async read(after: Position, scope: TenantScope, limit = PAGE): Promise<ChangePage> {
    return within(scope, await this.page(after, limit))
  }

  /** Waits until there is something, the caller's or not. @throws the signal's reason */
  async next(after: Position, scope: TenantScope, signal: AbortSignal): Promise<ChangePage> {
    const now = await this.page(after, PAGE)
    if (now.items.length > 0) return within(scope, now)
    const wait = this.waits.get(after) ?? this.begin(after)
    wait.readers++
    try {
      return within(scope, await unlessAborted(wait.page, signal))
    } finally {
      wait.readers--
      if (wait.readers === 0) wait.end.abort(new Error('nobody waits any more'))
    }
  }

  /** Ends every wait. */
  stop(): void {
    this.stopped.abort(new Error('the service is stopping'))
  }

  private begin(after: Position): Wait {
    const end = new AbortController()
    const signal = AbortSignal.any([end.signal, this.stopped.signal])
    const wait: Wait = { page: this.poll(after, signal), readers: 0, end }
    this.waits.set(after, wait)
    const forget = () => {
      if (this.waits.get(after) === wait) this.waits.delete(after)
    }
    // Whoever waits is told what went wrong; where nobody does, it is nobody's business.
    wait.page.then(forget, forget)
    end.signal.addEventListener('abort', forget, { once: true })
    return wait
  }

  private async poll(after: Position, signal: AbortSignal): Promise<ChangePage> {
    for (;;) {
      await delay(this.pollMs, undefined, { signal })
      const page = await this.page(after, PAGE)
      if (page.items.length > 0) return page
    }
  }

  private async page(after: Position, limit: number): Promise<ChangePage> {
    const { events, next, end } = await this.source.readAll({ after, limit })
    const tenants = events.length === 0 ? new Map() : await this.source.tenantsOf(idsOf(events))
    return { items: events.map((event) => changeOf(event, tenants)), next: next ?? after, end }
  }
}

const idsOf = (events: readonly StoredEvent[]): string[] => [
  ...new Set(events.map(({ streamId }) => streamId)),
]

/** A request that is in no read model belongs to nobody: it is shown to those who may see every tenant. */
const changeOf = (
  { position, streamId, version, type }: StoredEvent,
  tenants: ReadonlyMap<string, string>,
): Change => ({ position, requestId: streamId, tenantId: tenants.get(streamId) ?? '', version, type })

const within = (scope: TenantScope, page: ChangePage): ChangePage =>
  scope === '*' ? page : { ...page, items: page.items.filter(({ tenantId }) => scope.includes(tenantId)) }

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
