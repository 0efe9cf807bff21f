import { createLogger, metricsRegistry, PausedError } from '@lethe/service-host'
import { beforeEach, describe, expect, it } from 'vitest'
import { StoreWatch } from './store-watch.js'

describe('watching the store', () => {
  const lines: string[] = []
  let failure: Error | undefined
  const watch = () =>
    new StoreWatch(
      'shop-pg',
      async () => {
        if (failure) throw failure
      },
      createLogger('spec', { destination: { write: (line) => lines.push(line) } }),
    )

  beforeEach(() => {
    lines.length = 0
    failure = undefined
  })

  it('says in the log which variable is missing, once, and when it is there', async () => {
    failure = new PausedError('credentials_missing', 'Set SHOP_PG to the connection of shop-pg.')
    const watching = watch()
    await watching.look()
    await watching.look()
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 50,
      system: 'shop-pg',
      code: 'credentials_missing',
      problem: 'Set SHOP_PG to the connection of shop-pg.',
    })
    expect(await metricsRegistry.metrics()).toMatch(/lethe_eraser_store_usable\{.*system="shop-pg".*\} 0/)
    failure = undefined
    await watching.look()
    expect(lines).toHaveLength(2)
    expect(await metricsRegistry.metrics()).toMatch(/lethe_eraser_store_usable\{.*system="shop-pg".*\} 1/)
  })

  it('never repeats what a store says', async () => {
    failure = new Error('no row for anna@example.org')
    await watch().look()
    expect(lines.join('')).toContain('"code":"unexpected"')
    expect(lines.join('')).not.toContain('anna')
  })
})
