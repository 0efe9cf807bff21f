import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Supervised, Supervisor, type SupervisorOptions } from './supervisor.js'

class Fake implements Supervised {
  stopped = 0
  constructor(private readonly startError: Error | null = null) {}
  async start(): Promise<void> {
    if (this.startError) throw this.startError
  }
  async stop(): Promise<void> {
    this.stopped += 1
  }
}

function supervise(create: (index: number) => Fake, more: Partial<SupervisorOptions> = {}) {
  const made: Fake[] = []
  const fatal = vi.fn()
  const supervisor = new Supervisor({
    create: () => {
      const fake = create(made.length)
      made.push(fake)
      return fake
    },
    stallMs: 1_000,
    maxRestarts: 2,
    shutdownMs: 100,
    backoff: () => 10,
    onFatal: fatal,
    onRestart: () => undefined,
    ...more,
  })
  return { supervisor, made, fatal }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('Supervisor', () => {
  it('replaces a consumer that crashed and ends the process after the bound', async () => {
    const { supervisor, made, fatal } = supervise(() => new Fake())
    await supervisor.start()
    for (let crash = 0; crash < 3; crash++) {
      const last = made.at(-1)
      if (last) supervisor.crashed(last, new Error('gone'))
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(made).toHaveLength(3)
    expect(made.map(({ stopped }) => stopped)).toEqual([1, 1, 1])
    expect(fatal).toHaveBeenCalledOnce()
  })

  it('replaces a consumer that makes no progress, and leaves one alone that does', async () => {
    const { supervisor, made } = supervise(() => new Fake())
    await supervisor.start()
    for (let second = 0; second < 10; second++) {
      await vi.advanceTimersByTimeAsync(900)
      supervisor.progress()
    }
    expect(made).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1_600)
    expect(made).toHaveLength(2)
    await supervisor.close()
    expect(made[1]?.stopped).toBe(1)
  })

  it('is alive from the end of the start until a crash, silence or the close', async () => {
    const { supervisor, made } = supervise(() => new Fake(), { stallMs: 60_000, backoff: () => 500 })
    const starting = supervisor.start()
    expect(supervisor.alive(1_000)).toBe(false)
    await starting
    expect(supervisor.alive(1_000)).toBe(true)
    await vi.advanceTimersByTimeAsync(1_500)
    expect(supervisor.alive(1_000)).toBe(false)
    supervisor.progress()
    expect(supervisor.alive(1_000)).toBe(true)
    if (made[0]) supervisor.crashed(made[0], new Error('gone'))
    await vi.advanceTimersByTimeAsync(100)
    expect(supervisor.alive(1_000)).toBe(false)
    await vi.advanceTimersByTimeAsync(600)
    expect(supervisor.alive(1_000)).toBe(true)
    await supervisor.close()
    expect(supervisor.alive(1_000)).toBe(false)
  })

  it('counts only failures in a row', async () => {
    const { supervisor, made, fatal } = supervise(() => new Fake())
    await supervisor.start()
    for (let crash = 0; crash < 10; crash++) {
      supervisor.progress()
      const last = made.at(-1)
      if (last) supervisor.crashed(last, new Error('gone'))
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(made).toHaveLength(11)
    expect(fatal).not.toHaveBeenCalled()
    await supervisor.close()
  })

  it('tries again when Kafka is away at the start, and gives up after the bound', async () => {
    const late = supervise((index) => new Fake(index < 2 ? new Error('refused') : null))
    const started = late.supervisor.start()
    await vi.advanceTimersByTimeAsync(1_000)
    await started
    expect(late.made).toHaveLength(3)
    expect(late.fatal).not.toHaveBeenCalled()
    await late.supervisor.close()

    const never = supervise(() => new Fake(new Error('refused')))
    const gaveUp = never.supervisor.start()
    await vi.advanceTimersByTimeAsync(1_000)
    await gaveUp
    expect(never.fatal).toHaveBeenCalledOnce()
    await never.supervisor.close()
  })
})
