import { describe, expect, it } from 'vitest'
import { OpenSessions } from './open-sessions.js'

class Fake {
  closed = false
  readonly nested = { name: async () => this.alive() }
  readonly absent: (() => Promise<string>) | undefined
  constructor(readonly key: string) {}

  async work(until: Promise<void> = Promise.resolve()): Promise<string> {
    this.alive()
    await until
    return this.alive()
  }

  async list(): Promise<AsyncIterable<string>> {
    const alive = () => this.alive()
    return (async function* () {
      yield alive()
      yield alive()
    })()
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private alive(): string {
    if (this.closed) throw new Error(`${this.key} is closed`)
    return this.key
  }
}

function sessions(most = 2) {
  const opened: Fake[] = []
  const open = new OpenSessions<Fake>(most)
  const get = (key: string) =>
    open.get(key, async () => {
      const one = new Fake(key)
      opened.push(one)
      return one
    })
  const closed = () => opened.filter((one) => one.closed).map(({ key }) => key)
  return { open, opened, get, closed }
}

describe('open sessions', () => {
  it('are opened once, and those used longest ago are closed when there are too many', async () => {
    const { get, opened, closed } = sessions()
    const a = await get('a')
    await get('b')
    await a.work()
    await get('c')
    await get('a')
    expect(opened.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    expect(closed()).toEqual(['b'])
  })

  it('are not closed under a call, however many there are, and are closed once it has ended', async () => {
    const { get, closed } = sessions()
    let end = () => {}
    const until = new Promise<void>((resolve) => {
      end = resolve
    })
    const a = await get('a')
    const working = a.work(until)
    for (const key of ['b', 'c', 'd', 'e']) await get(key)
    expect(closed()).toEqual(['b', 'c', 'd'])
    await get('e')
    await get('f')
    expect(closed()).not.toContain('a')
    end()
    expect(await working).toBe('a')
    await get('g')
    expect(closed()).toContain('a')
  })

  it('are in use while somebody reads through what they gave out', async () => {
    const { get, closed } = sessions(1)
    const a = await get('a')
    const read: string[] = []
    for await (const one of await a.list()) {
      read.push(one)
      await get('b')
      expect(closed()).not.toContain('a')
    }
    expect(read).toEqual(['a', 'a'])
    expect(closed()).toEqual(['a'])
  })

  it('that were closed meanwhile are opened anew by whoever holds them', async () => {
    const { get, opened, closed } = sessions(1)
    const a = await get('a')
    await get('b')
    expect(closed()).toEqual(['a'])
    expect(await a.work()).toBe('a')
    expect(await a.nested.name()).toBe('a')
    expect(a.absent).toBeUndefined()
    expect(opened.map(({ key }) => key)).toEqual(['a', 'b', 'a'])
    expect(closed()).toEqual(['a', 'b'])
  })

  it('that could not be opened are tried again, and in the way of nobody', async () => {
    const open = new OpenSessions<Fake>(1)
    await expect(open.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
    expect(await (await open.get('a', async () => new Fake('a'))).work()).toBe('a')
  })

  it('fail when all were closed behind them', async () => {
    const { open, get, closed } = sessions()
    const a = await get('a')
    await open.close()
    expect(closed()).toEqual(['a'])
    await expect(a.work()).rejects.toMatchObject({ code: 'session_closed' })
    expect(await (await get('a')).work()).toBe('a')
  })
})
