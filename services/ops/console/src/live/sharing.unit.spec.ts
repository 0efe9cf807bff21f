import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Listener } from './connection.js'
import { Feed } from './feed.js'
import { type MeetingPlace, Sharing } from './sharing.js'

/** A tab with the channels and locks of a real engine, and a service that tells what the spec says. */
class Tab {
  readonly feed = new Feed()
  /** Behind which change each of its connections began. */
  readonly began: (string | undefined)[] = []
  listener: Listener | null = null
  private readonly sharing: Sharing

  constructor(name: string | null, place: MeetingPlace | null = real()) {
    this.sharing = new Sharing(name, this.feed, (listener, stopped) => this.connect(listener, stopped), place)
    tabs.push(this)
    this.sharing.start()
  }

  get listens(): boolean {
    return this.listener !== null
  }

  /** The service tells of a change. */
  hears(position: string, requestId = 'r1', version = 1): void {
    const data = JSON.stringify({ requestId, version })
    this.listener?.tell({
      transport: 'stream',
      at: 1_000,
      events: [{ event: 'request', data, id: position }],
    })
  }

  quiet(): void {
    this.listener?.tell({ transport: 'stream', at: 1_000, events: [] })
  }

  close(): void {
    this.sharing.stop()
  }

  private async connect(listener: Listener, stopped: AbortSignal): Promise<void> {
    this.began.push(listener.position)
    this.listener = listener
    if (listener.position === undefined)
      listener.tell({ transport: 'stream', at: 1, events: [{ event: 'hello', data: '{}', id: '1.0' }] })
    await new Promise<void>((resolve) => stopped.addEventListener('abort', () => resolve()))
    this.listener = null
  }
}

const tabs: Tab[] = []
const real = (silentAfterMs = 60_000): MeetingPlace => ({
  locks: navigator.locks,
  open: (name) => new BroadcastChannel(name),
  silentAfterMs,
})
/** Refuses at once, and again whenever it is asked, as a browser does that lets the page keep nothing. */
const refusing = {
  request: () => Promise.reject(new DOMException('Access to the Locks API is denied.', 'SecurityError')),
} as unknown as LockManager
const named = () => `session-${Math.random()}`
const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 5_000, interval: 5 })

afterEach(() => {
  for (const tab of tabs.splice(0)) tab.close()
})

describe('the tabs of a session', () => {
  it('have one connection, of the first of them, and every one is told what it hears', async () => {
    const name = named()
    const first = new Tab(name)
    await until(() => first.listens)
    const others = [new Tab(name), new Tab(name)]
    await until(() => others.every(({ feed }) => feed.position === '1.0'))
    first.hears('1.7', 'r1', 4)
    await until(() => others.every(({ feed }) => feed.position === '1.7'))
    expect(others.map(({ feed }) => feed.versionOf('r1'))).toEqual([4, 4])
    expect(others.map(({ feed }) => feed.snapshot().transport)).toEqual(['stream', 'stream'])
    expect(others.map(({ began }) => began)).toEqual([[], []])
    expect(first.began).toEqual([undefined])
  })

  it('go on behind the last change they were told when the one that listens is closed', async () => {
    const name = named()
    const first = new Tab(name)
    await until(() => first.listens)
    const second = new Tab(name)
    const third = new Tab(name)
    await until(() => [second, third].every(({ feed }) => feed.position === '1.0'))
    first.hears('2.5')
    await until(() => [second, third].every(({ feed }) => feed.position === '2.5'))
    const before = third.feed.snapshot()
    first.close()
    await until(() => second.listens)
    expect(second.began).toEqual(['2.5'])
    second.hears('2.6')
    await until(() => third.feed.position === '2.6')
    // Nothing was missed, so nothing has to be read again.
    expect(third.feed.snapshot().resets).toBe(before.resets)
    expect(third.feed.snapshot().requests).toBe(before.requests + 1)
    second.close()
    await until(() => third.listens)
    expect(third.began).toEqual(['2.6'])
  })

  it('are told how far they are when they join, and read anew what was asked for before', async () => {
    const name = named()
    const first = new Tab(name)
    await until(() => first.listens)
    const overview = { data: '{"measuredAt":7}', event: 'overview', id: undefined }
    first.listener?.tell({ transport: 'polling', at: 2_000, events: [overview] })
    const late = new Tab(name)
    await until(() => late.feed.position !== undefined)
    expect(late.feed.snapshot()).toMatchObject({
      transport: 'polling',
      at: 2_000,
      overview: { measuredAt: 7 },
      resets: 1,
    })
    const resets = late.feed.snapshot().resets
    new Tab(name)
    await until(() => tabs[2]?.feed.position !== undefined)
    expect(late.feed.snapshot().resets).toBe(resets)
    expect(first.began).toHaveLength(1)
  })

  it('take the connection from one that hangs, which goes on as one of those who are told', async () => {
    const name = named()
    const first = new Tab(name)
    await until(() => first.listens)
    const second = new Tab(name, real(150))
    await until(() => second.feed.position === '1.0')
    first.hears('1.9')
    await until(() => second.feed.position === '1.9')
    await until(() => second.listens)
    expect(second.began).toEqual(['1.9'])
    await until(() => !first.listens)
    second.hears('2.0')
    await until(() => first.feed.position === '2.0')
    second.close()
    await until(() => first.listens)
    expect(first.began).toEqual([undefined, '2.0'])
  })

  it('leave it with one that speaks now and then', async () => {
    const name = named()
    const first = new Tab(name)
    await until(() => first.listens)
    const second = new Tab(name, real(400))
    await until(() => second.feed.position === '1.0')
    const speaking = setInterval(() => first.quiet(), 50)
    const begun = Date.now()
    await until(() => Date.now() - begun > 1_200)
    clearInterval(speaking)
    expect(second.began).toEqual([])
    expect(first.began).toHaveLength(1)
  })

  it('of another session hear nothing of it', async () => {
    const name = named()
    const one = new Tab(name)
    const other = new Tab(named())
    await until(() => one.listens && other.listens)
    const beside = new Tab(name)
    await until(() => beside.feed.position === '1.0')
    one.hears('5.5', 'of-one')
    await until(() => beside.feed.versionOf('of-one') === 1)
    expect(other.feed.versionOf('of-one')).toBe(0)
    expect(other.feed.position).toBe('1.0')
  })

  it('have one connection however the name of the session begins', async () => {
    const name = `-${named()}`
    const first = new Tab(name)
    await until(() => first.listens)
    const second = new Tab(name)
    await until(() => second.feed.position === '1.0')
    expect(second.began).toEqual([])
  })

  it.each([
    ['there is nothing to meet by', named(), null],
    ['the session has no name for it', null, real()],
    ['the browser refuses the lock', named(), { ...real(), locks: refusing }],
  ])('have a connection each where %s', async (_, name, place) => {
    const both = [new Tab(name, place), new Tab(name, place)]
    await until(() => both.every(({ listens }) => listens))
    both[0]?.hears('9.9')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(both.map(({ feed }) => feed.position)).toEqual(['9.9', '1.0'])
  })

  it('tell and hear nothing after they are stopped', async () => {
    const name = named()
    const first = new Tab(name)
    await until(() => first.listens)
    const { listener } = first
    const second = new Tab(name)
    await until(() => second.feed.position === '1.0')
    first.close()
    listener?.tell({ transport: 'stream', at: 1, events: [{ event: 'lag', data: '{}', id: '7.7' }] })
    await until(() => second.listens)
    expect(second.began).toEqual(['1.0'])
    second.hears('2.0')
    expect(first.feed.position).toBe('7.7')
  })
})
