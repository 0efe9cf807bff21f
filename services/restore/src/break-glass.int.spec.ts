import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { round } from './testing/process.js'
import { Stand } from './testing/stand.js'

let stand: Stand
beforeEach(async () => {
  stand = await Stand.open()
})
afterEach(() => stand.close())

const latest = async () => (await stand.store.history('shop-pg', 1))[0]
const asApplication = () => stand.shop.as(stand.shop.app, 'SELECT count(*)::int AS n FROM users')
const audited = async () =>
  (await stand.pool.query(`SELECT credential_id, restore_id, action, detail FROM audit.restores ORDER BY id`))
    .rows

describe('a glass that is broken while Lethe is down', () => {
  it('is audited when Lethe is back: since when at most, when it was noticed, how many were inside; history tells', async () => {
    const process = stand.process()
    await round(process)
    const backup = await stand.shop.backUp()
    await round(process)
    await stand.tombstone('u1', { held: true })
    await stand.shop.restore(backup)
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'waiting', foundOpen: [] })
    // The last look of Lethe before it goes down.
    const lastLookFrom = Date.now()
    await round(process)
    const lastLookUntil = Date.now()
    await process.guard.stop()

    await stand.shop.as(undefined, `GRANT CONNECT ON DATABASE ${stand.shop.name} TO ${stand.shop.app}`)
    const inside = stand.shop.as(stand.shop.app, 'SELECT pg_sleep(60)').catch((error: Error) => error.message)
    const seen = `SELECT 1 FROM pg_stat_activity WHERE usename = '${stand.shop.app}'`
    await expect.poll(() => stand.shop.as(undefined, seen)).toHaveLength(1)

    const backAt = Date.now()
    const next = stand.process()
    await round(next)
    expect(await inside).toMatch(/terminat/)
    await expect(asApplication()).rejects.toThrow(/permission denied/)
    const restore = await latest()
    const [{ noticedAt = 0, shutUntil = 0 } = {}] = restore?.foundOpen ?? []
    expect(restore?.foundOpen).toEqual([{ noticedAt, shutUntil, sessionsEnded: 1 }])
    expect(noticedAt).toBeGreaterThanOrEqual(backAt)
    expect(shutUntil).toBeGreaterThanOrEqual(lastLookFrom)
    expect(shutUntil).toBeLessThanOrEqual(lastLookUntil)
    const of = { restore_id: restore?.restoreId }
    expect(await audited()).toEqual([
      { ...of, credential_id: 'unknown', action: 'found_open', detail: { shutUntil } },
      { ...of, credential_id: 'lethe-restore', action: 'shut_again', detail: { sessionsEnded: 1 } },
    ])
    // Told once, however often it is looked at afterwards.
    await round(next)
    expect((await latest())?.foundOpen).toHaveLength(1)
  })

  it('is audited when the process that noticed dies before it could shut the gate, and once more by the next one', async () => {
    const process = stand.process()
    await round(process)
    const backup = await stand.shop.backUp()
    await round(process)
    await stand.tombstone('u1', { held: true })
    await stand.shop.restore(backup)
    await round(process)
    await process.guard.stop()
    await stand.shop.as(undefined, `GRANT CONNECT ON DATABASE ${stand.shop.name} TO PUBLIC`)
    // Behind the audit, and before anything else.
    await round(stand.process('test', undefined, null, { left: 1 })).catch(() => undefined)
    const restore = await latest()
    expect(restore?.foundOpen).toMatchObject([{ shutUntil: restore?.shutAt, sessionsEnded: null }])
    expect(await asApplication()).toEqual([{ n: 200 }])
    await round(stand.process())
    expect((await latest())?.foundOpen).toMatchObject([{ sessionsEnded: 0 }, { sessionsEnded: 0 }])
    await expect(asApplication()).rejects.toThrow(/permission denied/)
  })
})
