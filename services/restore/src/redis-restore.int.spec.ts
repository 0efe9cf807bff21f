import { readFileSync } from 'node:fs'
import { prepareRedis } from '@lethe/connectors/redis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Persistence } from './testing/cache-server.js'
import { CacheStand, keysOf } from './testing/cache-stand.js'
import { completed } from './testing/completed.js'
import { expectHard, type Knocks, startHammer } from './testing/hammer.js'
import { killedAtEveryStep } from './testing/killed-at-every-step.js'
import { type RestoreProcess, round } from './testing/process.js'
import { operator } from './testing/stand.js'

/** Customers in the store. One in a hundred is erased, one in two hundred changed or new. */
const CUSTOMERS = Number(process.env.LETHE_PROOF_SIZE ?? 100_000)
const ERASED = Array.from({ length: CUSTOMERS / 100 }, (_, at) => `u${at * 100 + 7}`)
const KEYS = new Set(ERASED.flatMap(keysOf))

// Of a hundred thousand customers a backup and its restore take a while.
vi.setConfig({ testTimeout: 300_000 })

let stand: CacheStand
afterEach(() => stand.close())

const latest = async () => (await stand.store.history('cache', 1))[0]

/** A cache that Lethe watches, backed up; a hundredth erased since, others changed and new. */
async function erasedSinceBackup(persistence: Persistence) {
  stand = await CacheStand.open(persistence)
  const process = stand.process()
  await stand.seed(CUSTOMERS)
  await round(process)
  const before = await stand.digest(KEYS)
  const backup = await stand.backUp()
  await round(process)
  const outcomes = await stand.erase(ERASED)
  expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['erased']))
  await stand.goOn(CUSTOMERS)
  await round(process)
  expect(await stand.store.history(null, 10)).toEqual([])
  return { backup, before, process }
}

interface Hooked {
  readonly hook: boolean
}

/** The server comes back on the backup while a client knocks as the application; ends when the gate is open. */
async function comesBack(process: RestoreProcess, backup: string, { hook }: Hooked): Promise<Knocks> {
  const { server } = stand
  await server.kill()
  const erased = [...KEYS].slice(0, 50).join(' ')
  const hammer = startHammer({
    by: 'lines',
    port: server.port,
    send: `AUTH app secret\r\nEXISTS ${erased}\r\nQUIT\r\n`,
    insideWhen: '+OK',
    count: /\r\n:(\d+)\r\n/,
  })
  try {
    if (hook) {
      const prepared = await prepareRedis({ file: server.file, form: server.form, replayUser: 'replay' })
      expect(prepared).toMatchObject({ changed: true, shut: ['app', 'default', 'eraser'] })
    }
    server.putBack(backup)
    await hammer.knocking()
    await server.start()
    // Without the hook somebody is in it before anybody looks.
    if (!hook) await hammer.inside()
    await expect
      .poll(
        async () => {
          await round(process)
          return latest()
        },
        { timeout: 120_000, interval: 20 },
      )
      .toMatchObject({ phase: 'opened' })
    await hammer.inside()
    return await hammer.stop()
  } finally {
    await hammer.stop()
  }
}

const keptOut = ({ firstInsideAt }: Knocks): boolean =>
  firstInsideAt !== null && firstInsideAt >= (stand.openings.at(-1) ?? 0n)

async function expectClean(before: { keys: number; digest: string }): Promise<void> {
  expect(await stand.present(ERASED)).toEqual([])
  expect(before.keys).toBe(2 * (CUSTOMERS - ERASED.length))
  expect(await stand.digest(KEYS)).toEqual(before)
}

describe.each(['rdb', 'aof'] as const)('a Redis restored from its %s', (persistence) => {
  it('and shut before its start: nobody is in it until the erased are gone, and everything else is as restored', async () => {
    const { backup, before, process } = await erasedSinceBackup(persistence)
    const knocks = await comesBack(process, backup, { hook: true })
    expect(await latest()).toMatchObject({
      announcedBy: 'hook',
      gateMode: 'hooked',
      windowMs: null,
      sessionsEnded: 0,
      run: 1,
      tombstones: ERASED.length,
      replayed: ERASED.length,
      alreadyAbsent: 0,
      residual: {},
      inconclusive: {},
    })
    expect(keptOut(knocks)).toBe(true)
    expect(knocks.erasedSeen).toBe(0)
    expectHard(knocks, { away: true })
    await expectClean(before)
    const users = readFileSync(stand.server.file, 'utf8')
    expect(users).not.toContain('lethe-shut:')
    for (const user of ['app', 'default', 'eraser', 'replay'])
      expect(users).toMatch(new RegExp(`^user ${user} on `, 'm'))
    await round(process)
    expect(await stand.store.history(null, 10)).toHaveLength(1)
  })
})

describe('a Redis that nobody shut before its start', () => {
  it('is cleaned as well, but somebody was in it: the same look finds the window', async () => {
    const { backup, before, process } = await erasedSinceBackup('rdb')
    const knocks = await comesBack(process, backup, { hook: false })
    expect(keptOut(knocks)).toBe(false)
    expect(knocks.erasedSeen).toBeGreaterThan(0)
    expect(await latest()).toMatchObject({
      announcedBy: 'marker',
      gateMode: 'unhooked',
      windowMs: expect.any(Number),
      replayed: ERASED.length,
    })
    await expectClean(before)
    // The same backup once more, this time with the hook: whoever was erased twice is erased a third time.
    expect(keptOut(await comesBack(process, backup, { hook: true }))).toBe(true)
    expect(await latest()).toMatchObject({ gateMode: 'hooked', replayed: ERASED.length })
    await expectClean(before)
  })
})

describe('one key that is put back into a Redis in use', () => {
  it('is found by the sweep, and whoever it is of is erased again', async () => {
    stand = await CacheStand.open('rdb')
    const process = stand.process()
    await stand.seed(100)
    await round(process)
    await stand.erase(['u7', 'u8'])
    await completed(stand.pool, ['u7', 'u8'])
    await stand.as('app', (client) => client.set('user:u7:profile', 'back'))
    await round(process)
    expect(await stand.store.history(null, 10)).toEqual([])
    const { sweepId } = await process.restores.sweep(operator, 'cache')
    await process.sweeps.round()
    await process.sweeps.idle()
    const sweep = await process.restores.oneSweep(operator, sweepId)
    expect(sweep).toMatchObject({ probed: 2, residual: 1, finishedAt: expect.any(Number) })
    expect(await latest()).toMatchObject({ restoreId: sweep.restoreId, announcedBy: 'sweep', replayed: 1 })
    expect(await stand.present(['u7', 'u8'])).toEqual([])
  })
})

describe('a replay of a Redis', () => {
  it('goes on after a kill behind any step, with the true counts, and nobody is let in before the end', async () => {
    stand = await CacheStand.open('rdb')
    const first = stand.process()
    await stand.seed(100)
    await round(first)
    const backup = await stand.backUp()
    await round(first)
    const erased = ['u7', 'u8']
    await stand.erase(erased)
    await round(first)
    await first.guard.stop()
    const steps = await killedAtEveryStep({
      process: (life) => stand.process(life),
      restore: async () => {
        await stand.server.kill()
        stand.server.putBack(backup)
        await stand.server.start()
      },
      latest,
      seen: () =>
        stand.once('app', async (client) => {
          const found = await Promise.all(erased.map((one) => client.exists(...keysOf(one))))
          return erased.filter((_, at) => found[at] !== 0)
        }),
      others: () => stand.digest(new Set(erased.flatMap(keysOf))),
      erased: erased.length,
    })
    expect(steps).toBeGreaterThan(10)
  }, 240_000)
})

describe('a Redis that dies when everybody was looked for, and loads again what it saved before they were erased', () => {
  it('is replayed once more before its gate opens', async () => {
    stand = await CacheStand.open('rdb')
    const process = stand.process()
    await stand.seed(100)
    await round(process)
    const backup = await stand.backUp()
    await round(process)
    await stand.erase(['u7', 'u8'])
    await round(process)
    await stand.server.kill()
    await prepareRedis({ file: stand.server.file, form: stand.server.form, replayUser: 'replay' })
    stand.server.putBack(backup)
    await stand.server.start()
    const { store, server } = stand
    const startPhase = store.startPhase.bind(store)
    let saved = ''
    store.startPhase = async (...given) => {
      // Its marker is Lethe's by now, and nobody is erased yet.
      if (saved === '') saved = await stand.backUp()
      return startPhase(...given)
    }
    const lastCollected = store.lastCollected.bind(store)
    let died = false
    store.lastCollected = async (...given) => {
      if (!died) {
        died = true
        expect(await stand.present(['u7', 'u8'])).toEqual([])
        await server.kill()
        server.putBack(saved)
        await server.start()
        expect(await stand.present(['u7', 'u8'])).toHaveLength(2)
      }
      return lastCollected(...given)
    }
    await expect
      .poll(() => round(process).then(latest), { timeout: 20_000, interval: 20 })
      .toMatchObject({ phase: 'opened' })
    expect(died).toBe(true)
    expect(await latest()).toMatchObject({ run: 2, gateMode: 'hooked' })
    expect(await stand.present(['u7', 'u8'])).toEqual([])
  })
})

describe('a Redis that is backed up and put back between two looks', () => {
  it('shows the right marker; its start is noticed, and a sweep erases again who came back', async () => {
    stand = await CacheStand.open('rdb')
    const process = stand.process()
    await stand.seed(100)
    await round(process)
    const backup = await stand.backUp()
    await stand.erase(['u7', 'u8'])
    await completed(stand.pool, ['u7', 'u8'])
    await stand.server.kill()
    stand.server.putBack(backup)
    await stand.server.start()
    expect(await stand.present(['u7', 'u8'])).toHaveLength(2)
    await round(process)
    await process.sweeps.idle()
    expect(await stand.present(['u7', 'u8'])).toEqual([])
    expect(await latest()).toMatchObject({ announcedBy: 'sweep', replayed: 2 })
  })
})

describe('a Redis that was shut before its start', () => {
  it('by its configuration lets the same users in again, with the passwords they had', async () => {
    stand = await CacheStand.open('rdb', 'config')
    await stand.seed(100)
    await round(stand.process())
    const backup = await stand.backUp()
    await stand.erase(['u7'])
    const knocks = await comesBack(stand.process(), backup, { hook: true })
    expect(keptOut(knocks)).toBe(true)
    expect(await latest()).toMatchObject({ gateMode: 'hooked', windowMs: null, replayed: 1 })
    expect(readFileSync(stand.server.file, 'utf8')).not.toContain('lethe-shut:')
    const root = stand.server.client('default', 'root')
    expect(await root.ping()).toBe('PONG')
    root.disconnect()
  })

  it('is looked after even if its marker says that it never was away, and if Lethe dies while it shuts it', async () => {
    stand = await CacheStand.open('rdb')
    await stand.seed(100)
    await round(stand.process())
    await stand.erase(['u7'])
    await round(stand.process())
    const backup = await stand.backUp()
    await stand.server.kill()
    await prepareRedis({ file: stand.server.file, form: 'acl-file', replayUser: 'replay' })
    stand.server.putBack(backup)
    await stand.server.start()
    const recordShut = stand.store.recordShut.bind(stand.store)
    stand.store.recordShut = () => Promise.reject(new Error('killed'))
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'announced', announcedBy: 'hook' })
    stand.store.recordShut = recordShut
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'opened', gateMode: 'hooked', windowMs: null })
    expect(await stand.as('app', (client) => client.ping())).toBe('PONG')
    expect(await stand.store.history(null, 10)).toHaveLength(1)
  })
})
