import type { Listener } from './connection.js'
import type { Feed, Told } from './feed.js'

/** What the tabs of one session say to each other. */
type Message =
  /** A tab is there that knows nothing yet. */
  | { readonly kind: 'join' }
  /** How far the tab is that listens: when it begins to, and to who joins. */
  | { readonly kind: 'welcome'; readonly position: string | undefined; readonly told: Told }
  | { readonly kind: 'told'; readonly told: Told }

/** Where several tabs agree on one: which of them listens, and what it hears. */
export interface MeetingPlace {
  readonly locks: Pick<LockManager, 'request'>
  readonly open: (name: string) => BroadcastChannel
  /** After so long without a word the tab that listens is taken for dead. Longer than the service's own silence. */
  readonly silentAfterMs: number
}

export type Connect = (listener: Listener, stopped: AbortSignal) => Promise<void>

/** null where the browser has no such thing: then every tab has a connection of its own. */
export function meetingPlace(): MeetingPlace | null {
  const { locks }: { locks?: LockManager } = navigator
  if (locks === undefined || !('BroadcastChannel' in globalThis)) return null
  return { locks, open: (name) => new BroadcastChannel(name), silentAfterMs: 45_000 }
}

/**
 * One connection for all tabs of a session. Whoever holds the lock of its name listens to the service and tells the
 * others; when that tab is closed the browser gives the lock to the next, which goes on behind the last change it was
 * told. A tab that hangs tells nothing, so the lock is taken from it.
 */
export class Sharing {
  private readonly stopped = new AbortController()
  private channel: BroadcastChannel | null
  private readonly listener: Listener
  private leading = false
  private alarm: ReturnType<typeof setTimeout> | undefined
  private silent = new AbortController()

  /** @param name random, of this session alone; null: what this tab hears is shared with nobody */
  constructor(
    private readonly name: string | null,
    private readonly feed: Feed,
    private readonly connect: Connect,
    private readonly place: MeetingPlace | null = meetingPlace(),
  ) {
    this.channel = name === null || place === null ? null : place.open(name)
    this.listener = {
      get position() {
        return feed.position
      },
      tell: (told) => {
        feed.take(told)
        this.post({ kind: 'told', told })
      },
    }
  }

  start(): void {
    void this.run()
  }

  /** Nothing more is heard or told, and another tab may listen. */
  stop(): void {
    this.stopped.abort()
    clearTimeout(this.alarm)
    this.channel?.close()
  }

  private async run(): Promise<void> {
    const { channel, name, place } = this
    if (channel === null || name === null || place === null)
      return this.connect(this.listener, this.stopped.signal)
    channel.onmessage = ({ data }: MessageEvent<Message>) => this.hear(data, place)
    this.post({ kind: 'join' })
    for (let steal = false, over = false; !over; ) {
      over = await this.turn(name, place, steal)
      steal = this.silent.signal.aborted
    }
  }

  /** Waits until this tab is the one that listens, and listens. @returns whether that was all */
  private async turn(name: string, place: MeetingPlace, steal: boolean): Promise<boolean> {
    this.silent = new AbortController()
    this.expectWord(place)
    const lost = new AbortController()
    const waiting = AbortSignal.any([this.stopped.signal, this.silent.signal])
    try {
      // A lock's name may begin with anything but a hyphen, a session's with that as well.
      await place.locks.request(`session ${name}`, steal ? { steal } : { signal: waiting }, async () => {
        if (!this.stopped.signal.aborted) await this.lead(lost.signal)
      })
      return true
    } catch (error) {
      lost.abort()
      // Stopped, or tired of waiting, or another tab took the lock because it took this one for dead.
      if (isAbort(error)) return this.stopped.signal.aborted
      // The browser gives no lock, however often it is asked: then this tab has a connection of its own.
      clearTimeout(this.alarm)
      this.channel?.close()
      this.channel = null
      await this.connect(this.listener, this.stopped.signal)
      return true
    } finally {
      this.leading = false
    }
  }

  private async lead(lost: AbortSignal): Promise<void> {
    clearTimeout(this.alarm)
    this.leading = true
    this.welcome()
    await this.connect(this.listener, AbortSignal.any([this.stopped.signal, lost]))
  }

  private hear(message: Message, place: MeetingPlace): void {
    if (message.kind === 'join') {
      if (this.leading) this.welcome()
      return
    }
    if (!this.leading) this.expectWord(place)
    if (message.kind === 'welcome') this.feed.join(message.position, message.told)
    else this.feed.take(message.told)
  }

  private expectWord({ silentAfterMs }: MeetingPlace): void {
    clearTimeout(this.alarm)
    // Not all of them at once.
    this.alarm = setTimeout(() => this.silent.abort(), silentAfterMs * (1 + Math.random() / 4))
  }

  private welcome(): void {
    this.post({ kind: 'welcome', position: this.feed.position, told: this.feed.welcome() })
  }

  private post(message: Message): void {
    if (!this.stopped.signal.aborted) this.channel?.postMessage(message)
  }
}

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'
