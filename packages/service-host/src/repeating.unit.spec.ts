import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLogger } from './logger.js'
import { Repeating } from './repeating.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('repeated work', () => {
  const logger = createLogger('spec', { level: 'silent' })

  it('goes on after a failure and never runs beside itself', async () => {
    let running = 0
    let most = 0
    const work = vi.fn(async () => {
      most = Math.max(most, ++running)
      await vi.advanceTimersByTimeAsync(0)
      running -= 1
      throw new Error('not this time')
    })
    const repeating = new Repeating({ name: 'spec', work, everyMs: 1_000, firstMs: 10, logger })
    repeating.start()
    await vi.advanceTimersByTimeAsync(10)
    expect(work).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(work).toHaveBeenCalledTimes(3)
    expect(most).toBe(1)
    await repeating.stop()
  })

  it('asks after each run when the next is due', async () => {
    let heard = false
    const work = vi.fn(async () => {})
    const everyMs = () => (heard ? 1_000 : 10)
    const repeating = new Repeating({ name: 'spec', work, everyMs, logger })
    repeating.start()
    await vi.advanceTimersByTimeAsync(20)
    expect(work).toHaveBeenCalledTimes(2)
    heard = true
    await vi.advanceTimersByTimeAsync(10)
    expect(work).toHaveBeenCalledTimes(3)
    await vi.advanceTimersByTimeAsync(990)
    expect(work).toHaveBeenCalledTimes(3)
    await vi.advanceTimersByTimeAsync(10)
    expect(work).toHaveBeenCalledTimes(4)
    await repeating.stop()
  })

  it('is over once stopped, after the run in progress', async () => {
    let end = () => {}
    const work = vi.fn(() => new Promise<void>((resolve) => (end = resolve)))
    const repeating = new Repeating({ name: 'spec', work, everyMs: 10, logger })
    repeating.start()
    await vi.advanceTimersByTimeAsync(10)
    let stopped = false
    const stopping = repeating.stop().then(() => (stopped = true))
    await vi.advanceTimersByTimeAsync(50)
    expect(stopped).toBe(false)
    end()
    await stopping
    await vi.advanceTimersByTimeAsync(100)
    expect(work).toHaveBeenCalledTimes(1)
  })
})
