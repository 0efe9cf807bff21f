import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgres } from '@lethe/connectors/postgres'
import type { Connector } from '@lethe/eraser-kit'
import type { Caller } from '@lethe/service-host'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { drillsOverdue } from './application/metrics.js'
import { drillConformance } from './testing/drill-conformance.js'
import { DrillStand, type Instead } from './testing/drill-stand.js'
import { round } from './testing/process.js'
import { officer, Stand } from './testing/stand.js'

let stand: Stand
let drills: DrillStand

const section = {
  version: 1,
  tenant: { none: true } as const,
  canonical: 'user_id' as const,
  system: {
    systemId: 'shop-pg',
    kind: 'postgres',
    connection: 'SHOP',
    ceiling: null,
    body: {
      resolves: { user_id: 'users.id', email: 'users.email' },
      elements: [
        { table: 'orders', by: 'user_id', method: 'delete' },
        { table: 'users', by: 'id', method: 'delete', createdAt: 'created_at' },
      ],
    },
  },
}

beforeEach(async () => {
  stand = await Stand.open()
  await round(stand.process())
  const server = new URL(stand.shop.url())
  server.pathname = '/postgres'
  drills = new DrillStand(stand, {
    systemId: 'shop-pg',
    connector: postgres as unknown as Connector,
    section,
    secrets: { SHOP: stand.shop.url(), SHOP_DRILL: stand.shop.url(), SHOP_SCRATCH: server.href },
  })
})
afterEach(() => drills.close())

const everything = () =>
  stand.shop.in(
    stand.shop.name,
    `SELECT (SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM users u) AS users,
       (SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM orders o) AS orders`,
  )
const scratches = () =>
  stand.shop.in(stand.shop.name, `SELECT datname FROM pg_database WHERE datname LIKE 'lethe_drill_%'`)
const nothingLeft = async () => {
  expect(await scratches()).toEqual([])
  expect(drills.files()).toEqual([])
  expect(
    await stand.shop.in(stand.shop.name, `SELECT id FROM users WHERE email LIKE 'lethe-drill-%'`),
  ).toEqual([])
}

describe('a drill of a PostgreSQL', () => {
  it('shows that who was erased came back with the backup and is gone after the replay, and leaves nothing but evidence', async () => {
    await stand.tombstone('u1')
    await stand.tombstone('u3', { held: true })
    await stand.shop.in(stand.shop.name, `DELETE FROM orders WHERE user_id = 'u1'`)
    const before = await everything()
    const drill = await drills.run()
    expect(drill.reasons).toEqual([])
    expect(drill).toMatchObject({
      verdict: 'passed',
      phase: 'ended',
      askedBy: officer.id,
      trigger: 'person',
      intact: true,
      evidence: {
        kind: 'postgres',
        backup: { bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        canary: { cameBack: 1, left: 0 },
        // u1, whose erasure the store has forgotten, and the made-up person.
        cameBack: { users: 2 },
        replay: { tombstones: 3, replayed: 2, held: 1 },
        probe: { residual: {} },
        versions: { store: expect.any(String), pg_dump: expect.any(String), dataMap: '1' },
      },
    })
    expect(Object.keys(drill.evidence?.durations ?? {})).toEqual(
      expect.arrayContaining(['planting', 'backing_up', 'erasing', 'restoring', 'replaying', 'clearing']),
    )
    expect(await everything()).toEqual(before)
    await nothingLeft()
    expect(JSON.stringify(drill)).not.toMatch(/@drill|u1"/)
    // Nobody drills the store in use: its gate and its marker are as they were.
    expect(await stand.store.gates()).toEqual([])
    const { rows } = await stand.pool.query(`SELECT action FROM audit.restores ORDER BY id`)
    expect(rows.map(({ action }) => action)).toEqual(['drill', 'apply'])
  })

  drillConformance({ systemId: 'shop-pg', drills: () => drills, nothingLeft })

  it('whose store keeps somebody it says it erased is failed by the probes', async () => {
    await stand.tombstone('u1')
    const sloppy = {
      ...(postgres as unknown as Connector),
      open: async (context: Parameters<Connector['open']>[0]) => {
        const session = await (postgres as unknown as Connector).open(context)
        return Object.assign(Object.create(session) as typeof session, {
          erase: async (
            batch: Parameters<typeof session.erase>[0],
            io: Parameters<typeof session.erase>[1],
          ) => {
            const kept = batch.filter(({ requestId }) => requestId !== 'request-u1')
            const outcomes = await session.erase(kept, io)
            return batch.map(
              (one) => outcomes[kept.indexOf(one)] ?? { outcome: 'erased' as const, counts: {} },
            )
          },
        })
      },
    }
    expect(await drills.run({ connector: sloppy })).toMatchObject({
      verdict: 'failed',
      reasons: [{ code: 'residual', counts: { users: 1, orders: 1 } }],
      evidence: { canary: { cameBack: 1, left: 0 } },
    })
    await nothingLeft()
  })

  it('that is stopped, at any of its steps, clears away what it made and erases the made-up person', async () => {
    const steps = ['plant', 'backUp', 'restore', 'count'] as const
    for (const step of steps) {
      const stopping: { stop: () => Promise<unknown> } = { stop: async () => undefined }
      const session: Instead['session'] = (real) => ({
        [step]: async (...given: never[]) => {
          const signal = given.at(-1) as unknown as AbortSignal
          const work = (real[step] as (...all: never[]) => Promise<unknown>).apply(real, given)
          await stopping.stop()
          if (signal instanceof AbortSignal)
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          return work
        },
      })
      const service = await drills.drills({ session })
      const begun = await service.start(officer, 'shop-pg')
      stopping.stop = () => service.stopOne(officer, begun.drillId)
      // Where no signal reaches the step itself, the service is shut down behind it.
      if (step === 'plant' || step === 'count') stopping.stop = async () => void service.stop()
      await service.idle()
      expect(await service.one(officer, begun.drillId)).toMatchObject({ verdict: 'stopped' })
      await nothingLeft()
    }
  })

  it('that could not be done says what to configure, and changes nothing', async () => {
    const before = await everything()
    const wrong = async (instead: Instead) => {
      const service = await drills.drills(instead)
      return service.check(officer, 'shop-pg').then(
        () => 'fine',
        (error: Error) => error.message,
      )
    }
    expect(await wrong({})).toBe('fine')
    expect(await wrong({ secrets: { SHOP_SCRATCH: undefined } })).toMatch(/_SCRATCH/)
    expect(await wrong({ secrets: { SHOP: undefined, SHOP_DRILL: undefined } })).toMatch(/Set SHOP/)
    expect(await wrong({ secrets: { SHOP_SCRATCH: 'postgres://nobody:hunter2@127.0.0.1:1/x' } })).not.toMatch(
      /hunter2/,
    )
    await stand.shop.as(
      undefined,
      'ALTER TABLE users ADD plan text DEFAULT NULL, ADD CHECK (plan IS NOT NULL) NOT VALID',
    )
    expect(await wrong({})).toMatch(/users.*LETHE_DRILL_VALUES/)
    const failed = await drills.run()
    expect(failed).toMatchObject({ verdict: 'failed', reasons: [{ code: 'drill_value_missing' }] })
    expect(await wrong({ settings: { values: { 'shop-pg': { plan: 'free' } } } })).toBe('fine')
    await stand.shop.as(undefined, 'ALTER TABLE users DROP plan')
    expect(await everything()).toEqual(before)
    await nothingLeft()
    const viewer: Caller = { id: 'vera', roles: ['viewer'], tenants: ['*'], systemId: null }
    const service = await drills.drills()
    expect(await service.start(viewer, 'shop-pg').catch(({ code }) => code)).toBe('forbidden')
    expect(await service.start(officer, 'shop').catch(({ code }) => code)).toBe('not_found')
    expect(await service.list(viewer, null)).toHaveLength(1)
  })

  it('says whose gate its person waits for, goes on when that opens, and disproves nothing where it stays shut', async () => {
    const { store } = stand
    const request = { unfinished: ['shop-pg'], status: 'IN_PROGRESS' }
    const requests = { progress: async () => request }
    const shut = () => store.shutGate('shop-pg', 'restore-1', 'enforced', Date.now())
    const gate = [{ code: 'gate_closed', detail: expect.stringMatching(/shop-pg.*status restore-1/) }]
    await shut()
    let restoring: unknown = null
    const service = await drills.drills({
      requests,
      session: (real) => ({
        restore: async (signal) => {
          restoring = await told()
          return real.restore(signal)
        },
      }),
    })
    const { drillId } = await service.start(officer, 'shop-pg')
    const told = () => service.one(officer, drillId).then(({ phase, reasons }) => ({ phase, reasons }))
    await expect.poll(told, { timeout: 20_000 }).toEqual({ phase: 'erasing', reasons: gate })
    // What the person is not in, or is erased from already, holds nothing up.
    request.unfinished = ['cache']
    await expect.poll(told, { timeout: 5_000 }).toEqual({ phase: 'erasing', reasons: [] })
    request.unfinished = ['shop-pg']
    await expect.poll(told, { timeout: 5_000 }).toEqual({ phase: 'erasing', reasons: gate })
    await store.openGate('shop-pg', Date.now())
    await expect.poll(told, { timeout: 5_000 }).toEqual({ phase: 'erasing', reasons: [] })
    await shut()
    await expect.poll(told, { timeout: 5_000 }).toEqual({ phase: 'erasing', reasons: gate })
    request.status = 'COMPLETED'
    await service.idle()
    expect(restoring).toEqual({ phase: 'restoring', reasons: [] })
    expect(await service.one(officer, drillId)).toMatchObject({ verdict: 'passed', reasons: [] })

    request.status = 'IN_PROGRESS'
    // A quarter of an hour between two looks.
    let at = Date.now()
    const now = () => (at += 450_000)
    const given = await drills.run({ requests, now })
    expect(given).toMatchObject({ verdict: 'stopped', reasons: gate })
    await store.openGate('shop-pg', Date.now())
    const failed = await drills.run({ requests, now })
    expect(failed).toMatchObject({ verdict: 'failed', reasons: [{ code: 'erasure_not_done' }] })
    await nothingLeft()
  })

  it('begins by itself when it is due, and the alert ends when it was passed', async () => {
    const service = await drills.drills({ everyMs: 3_600_000 })
    const overdue = async () => (await drillsOverdue.get()).values.map(({ value }) => value)
    await service.round()
    expect(await overdue()).toEqual([1])
    await service.idle()
    expect(await overdue()).toEqual([0])
    await service.round()
    await service.idle()
    expect(await service.list(officer, 'shop-pg')).toMatchObject([
      { trigger: 'schedule', askedBy: 'restore', verdict: 'passed' },
    ])
  })

  it('has evidence that can not be changed, dropped or forged unnoticed', async () => {
    await drills.run()
    const second = await drills.run()
    const service = await drills.drills()
    const intact = async () => (await service.list(officer, null)).map((one) => one.intact)
    expect(await intact()).toEqual([true, true])
    const { rows } = await stand.pool.query(
      'SELECT a.hash AS hash, b.prev_hash AS prev FROM restore.drills a, restore.drills b WHERE b.drill_id = $1 AND a.drill_id <> $1',
      [second.drillId],
    )
    expect(rows[0]?.prev).toBe(rows[0]?.hash)
    await stand.pool.query(
      `UPDATE restore.drills SET evidence = jsonb_set(evidence, '{canary,left}', '7') WHERE drill_id = $1`,
      [second.drillId],
    )
    expect(await intact()).toEqual([false, true])
  })
})

it('what lies in the folder of drills and is no drill’s stays there', async () => {
  const other = join(drills.folder, 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'file'), 'x')
  await drills.run()
  expect(drills.files()).toEqual(['other'])
})
