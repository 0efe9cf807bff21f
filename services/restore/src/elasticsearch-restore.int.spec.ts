import { installSearchServer, type SearchServer, startSearchServer } from '@lethe/infra'
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { completed } from './testing/completed.js'
import { expectHard, type Knocks, startHammer } from './testing/hammer.js'
import { killedAtEveryStep } from './testing/killed-at-every-step.js'
import { type RestoreProcess, round } from './testing/process.js'
import { SearchStand } from './testing/search-stand.js'

/** Customers in the index. One in a hundred is erased, one in two hundred changed or new. */
const CUSTOMERS = Number(process.env.LETHE_PROOF_SIZE ?? 100_000)
const ERASED = Array.from({ length: CUSTOMERS / 100 }, (_, at) => `u${at * 100 + 7}`)
// Of a hundred thousand customers a snapshot and its restore take a while.
vi.setConfig({ testTimeout: 1_200_000 })
const installed = await installSearchServer('elasticsearch9').catch((error: Error) => error)

describe('an Elasticsearch restored from a snapshot', () => {
  if (installed instanceof Error) {
    test('elasticsearch9 can be had', (context) => context.skip(installed.message))
    return
  }
  let server: SearchServer
  let stand: SearchStand
  beforeAll(async () => {
    server = await startSearchServer(installed)
  }, 240_000)
  afterAll(async () => {
    await server?.stop()
  }, 60_000)
  afterEach(() => stand.close())

  const latest = async () => (await stand.store.history('search', 1))[0]
  const gone = new Set(ERASED)

  async function comesBack(process: RestoreProcess, hook: boolean): Promise<Knocks> {
    // From before the index is there: as the port of a server that does not run yet.
    await stand.lose()
    const body = JSON.stringify({ query: { terms: { user_id: ERASED.slice(0, 50) } } })
    const hammer = startHammer({
      by: 'http',
      port: server.port,
      send: `POST /customers/_count HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      insideWhen: 'HTTP/1.1 200',
      awayWhen: 'HTTP/1.1 404',
      count: /"count":(\d+)/,
    })
    try {
      await hammer.knocking()
      await stand.restore(hook)
      if (!hook) await hammer.inside()
      await expect
        .poll(
          async () => {
            await round(process)
            return latest()
          },
          { timeout: 240_000, interval: 20 },
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

  it('is replayed to its end after a kill behind any step, with the true counts, and nobody is let in before', async () => {
    stand = await SearchStand.open(server)
    const first = stand.process()
    await stand.seed(20)
    await round(first)
    await stand.backUp()
    await round(first)
    const erased = ['u7', 'u8']
    await stand.erase(erased)
    await round(first)
    await first.guard.stop()
    const steps = await killedAtEveryStep({
      process: (life) => stand.process(life),
      restore: async () => {
        await stand.lose()
        await stand.restore(false)
      },
      latest,
      seen: () =>
        stand.present(erased).catch((error: Error) => {
          if (/ 403 /.test(error.message)) return null
          throw error
        }),
      others: () => stand.digest(new Set(erased)),
      erased: erased.length,
    })
    expect(steps).toBeGreaterThan(10)
  }, 600_000)

  it('by lethe restore prepare, with blocks in the restore call, keeps everybody out until the erased are gone; without them the window shows', async () => {
    stand = await SearchStand.open(server)
    const process = stand.process()
    await stand.seed(CUSTOMERS)
    await round(process)
    const before = await stand.digest(gone)
    await stand.backUp()
    await round(process)
    expect(new Set((await stand.erase(ERASED)).map(({ outcome }) => outcome))).toEqual(new Set(['erased']))
    await stand.goOn(CUSTOMERS)
    await round(process)
    expect(await stand.store.history(null, 10)).toEqual([])

    // What can not be restored shut is not restored at all.
    await expect(stand.prepare('backups/one')).rejects.toThrow(/DELETE \/users/)
    await expect(stand.prepare('backups/two')).rejects.toThrow(/knows no snapshot two/)
    await expect(stand.prepare('backups/one', '--indices', 'orders')).rejects.toThrow(
      /has no orders; it has /,
    )
    await expect(stand.prepare('backups/*')).rejects.toThrow(/written repository.snapshot/)
    const { documents } = await stand.digest(new Set())
    expect(documents).toBe(CUSTOMERS - ERASED.length + CUSTOMERS / 400)

    const knocks = await comesBack(process, true)
    expect(await latest()).toMatchObject({
      announcedBy: 'hook',
      gateMode: 'hooked',
      windowMs: null,
      run: 1,
      tombstones: ERASED.length,
      replayed: ERASED.length,
      residual: {},
      inconclusive: {},
    })
    expect(keptOut(knocks)).toBe(true)
    expect(knocks.erasedSeen).toBe(0)
    expectHard(knocks, { away: true })
    expect(await stand.present(ERASED)).toEqual([])
    expect(before.documents).toBe(CUSTOMERS - ERASED.length)
    expect(await stand.digest(gone)).toEqual(before)

    const seen = await comesBack(process, false)
    expect(keptOut(seen)).toBe(false)
    expect(seen.erasedSeen).toBeGreaterThan(0)
    expect(await latest()).toMatchObject({
      announcedBy: 'marker',
      gateMode: 'unhooked',
      windowMs: expect.any(Number),
      replayed: ERASED.length,
    })
    expect(await stand.present(ERASED)).toEqual([])
    expect(await stand.digest(gone)).toEqual(before)

    // The index alone, into the store in use: the marker is the right one, and a sweep finds who came back.
    await completed(stand.pool, ERASED)
    await stand.putBackAlone()
    expect(await stand.present(ERASED)).toHaveLength(ERASED.length)
    await expect
      .poll(
        async () => {
          await round(process)
          await process.sweeps.round()
          await process.sweeps.idle()
          return stand.present(ERASED)
        },
        { timeout: 120_000, interval: 50 },
      )
      .toEqual([])
    expect(await latest()).toMatchObject({ announcedBy: 'sweep', replayed: ERASED.length })
    expect(await stand.digest(gone)).toEqual(before)
  })
})
