import { VersionConflict } from '@lethe/event-store'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { advanceOffset, loadOffsets, OffsetConflict, rebuild, takeFresh } from './index.js'
import type { RequestLog } from './request-log.js'
import {
  freezePlan,
  hold,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  release,
  T0,
} from './testing/fixtures.js'

let fixture: LogFixture
beforeAll(async () => {
  fixture = await logFixture()
})
afterAll(() => fixture?.drop())

const received = async (log: RequestLog, tenantId = 'acme'): Promise<string> => {
  const id = newRequestId()
  await log.transact([id], async (tx) => tx.apply(id, receive(id, { tenantId }), T0))
  return id
}

const count = async (table: string, where: string, value: string): Promise<number> => {
  const { rows } = await fixture.pool.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${where} = $1`, [
    value,
  ])
  return rows[0].n
}

describe('one transaction', () => {
  it('writes events, read models, outbox and what its caller wrote, all together', async () => {
    const log = fixture.writer({ topicPrefix: 'spec.', traceparent: () => '00-trace-01' })
    const id = newRequestId()
    const decision = await log.transact([id], async (tx) => {
      expect(tx.state(id)).toBeNull()
      tx.apply(id, receive(id), T0)
      await takeFresh(tx.client, 'aggregator', [`m-${id}`])
      return tx.apply(id, freezePlan, T0 + 5)
    })
    expect(decision.ok).toBe(true)
    const state = await log.read(id)
    const events = await fixture.store.readStream(id)
    expect(events.at(-1)?.version).toBe(state?.version)
    const { rows } = await fixture.pool.query(
      'SELECT version, status FROM read_model.requests WHERE request_id = $1',
      [id],
    )
    expect(rows).toEqual([{ version: String(state?.version), status: state?.status }])
    expect(await count('read_model.steps', 'request_id', id)).toBe(3)
    expect(await count('read_model.verifications', 'request_id', id)).toBe(2)
    expect(await count('inbox.processed', 'message_id', `m-${id}`)).toBe(1)
  })

  it('puts everything that became runnable in it into one message, with its key, systems and trace', async () => {
    const log = fixture.writer({ topicPrefix: 'spec.', traceparent: () => '00-trace-01' })
    const id = newRequestId()
    await log.transact([id], async (tx) => {
      tx.apply(id, receive(id), T0)
      tx.apply(id, freezePlan, T0 + 5)
    })
    const { rows } = await fixture.pool.query(
      `SELECT aggregateid, type, systems, traceparent, ce_time, attempt, id = ce_id AS same, payload
       FROM outbox.message WHERE aggregatetype = 'spec.erasure.requested' AND aggregateid = $1`,
      [`subject-of-${id}`],
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      type: 'ErasureRequested',
      traceparent: '00-trace-01',
      ce_time: String(T0 + 5),
      attempt: 1,
      same: true,
    })
    expect(rows[0].systems).toMatch(/^,(.+,)+$/)
    expect(JSON.parse(rows[0].payload.toString()).requestId).toBe(id)
  })

  it('leaves nothing when its caller throws, and the cache keeps nothing of it', async () => {
    const log = fixture.writer()
    const id = await received(log)
    const before = await log.read(id)
    const failing = log.transact([id], async (tx) => {
      tx.apply(id, hold('h1'), T0 + 1)
      await takeFresh(tx.client, 'aggregator', [`thrown-${id}`])
      throw new Error('the caller changed its mind')
    })
    await expect(failing).rejects.toThrow('changed its mind')
    expect(await log.read(id)).toEqual(before)
    await log.transact([id], async (tx) => expect(tx.state(id)).toEqual(before))
    expect(await count('inbox.processed', 'message_id', `thrown-${id}`)).toBe(0)
  })

  it('writes nothing for a command that is refused or says nothing new', async () => {
    const log = fixture.writer()
    const id = await received(log)
    await log.transact([id], async (tx) => tx.apply(id, hold('h1'), T0 + 1))
    const version = (await log.read(id))?.version
    const refused = await log.transact([id], async (tx) => tx.apply(id, receive(id), T0 + 2))
    expect(refused.ok).toBe(false)
    const again = await log.transact([id], async (tx) => tx.apply(id, hold('h1'), T0 + 3))
    expect(again).toEqual({ ok: true, events: [] })
    expect((await log.read(id))?.version).toBe(version)
  })

  it('refuses requests it has not locked', async () => {
    const log = fixture.writer()
    await expect(log.transact(['one'], async (tx) => tx.state('other'))).rejects.toThrow('not locked')
  })
})

describe('read models and offsets', () => {
  const offset = { topic: 'erasure.acknowledged', partition: 3 }

  it('commit together: the transaction of a zombie leaves neither', async () => {
    const [zombie, owner] = [fixture.writer(), fixture.writer()]
    const id = await received(owner)
    const fold = (log: RequestLog, expected: number | null, nextOffset: number, holdId: string) =>
      log.transact([id], async (tx) => {
        tx.apply(id, hold(holdId), T0 + nextOffset)
        await advanceOffset(tx.client, 'aggregator', { ...offset, nextOffset }, expected)
      })
    await fold(zombie, null, 10, 'first')
    await fold(owner, 10, 20, 'second')
    const version = (await owner.read(id))?.version
    await expect(fold(zombie, 10, 15, 'late')).rejects.toBeInstanceOf(OffsetConflict)
    await expect(fold(zombie, null, 15, 'late')).rejects.toBeInstanceOf(OffsetConflict)
    expect((await zombie.read(id))?.version).toBe(version)
    expect((await loadOffsets(fixture.pool, 'aggregator', offset.topic, [3, 4])).get(3)).toBe(20)
    const { rows } = await fixture.pool.query(
      'SELECT version FROM read_model.requests WHERE request_id = $1',
      [id],
    )
    expect(Number(rows[0].version)).toBe(version)
  })

  it('know a message that was folded before, also twice in one batch', async () => {
    const log = fixture.writer()
    const [a, b] = [newRequestId(), newRequestId()]
    const take = (ids: string[]) => log.transact(['inbox'], (tx) => takeFresh(tx.client, 'aggregator', ids))
    expect([...(await take([a, a]))]).toEqual([a])
    expect([...(await take([a, b]))]).toEqual([b])
  })
})

describe('two writers', () => {
  it('never gap and never lose on overlapping requests, and the log folds to what both see', async () => {
    const writes = fc.array(
      fc.record({
        writer: fc.nat({ max: 1 }),
        targets: fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 14 },
    )
    await fc.assert(
      fc.asyncProperty(writes, async (plan) => {
        const logs = [fixture.writer({ snapshotEvery: 3 }), fixture.writer({ cacheSize: 2 })] as const
        const ids = await Promise.all([0, 1, 2, 3].map(() => received(logs[0])))
        await Promise.all(
          plan.map(({ writer, targets }, n) =>
            (logs[writer] ?? logs[0]).transact(
              targets.map((target) => ids[target] ?? ''),
              async (tx) => {
                for (const target of targets) tx.apply(ids[target] ?? '', hold(`hold-${n}`), T0 + 10)
              },
            ),
          ),
        )
        for (const [target, id] of ids.entries()) {
          const expected = plan.flatMap(({ targets }, n) => (targets.includes(target) ? [`hold-${n}`] : []))
          const states = await Promise.all(logs.map((log) => log.read(id)))
          expect(states[0]?.holds.map(({ holdId }) => holdId).sort()).toEqual(expected.sort())
          expect(states[1]).toEqual(states[0])
          const versions = (await fixture.store.readStream(id)).map(({ version }) => version)
          expect(versions).toEqual(versions.map((_, index) => index + 1))
        }
      }),
      { numRuns: 10 },
    )
    expect(await rebuild(fixture.pool)).toMatchObject({ equal: true, problems: [] })
  })

  it('decide on what the other one wrote, although their own memory is older', async () => {
    const [first, second] = [fixture.writer(), fixture.writer()]
    const id = await received(first)
    await second.transact([id], async (tx) => tx.apply(id, hold('of-second'), T0 + 1))
    await first.transact([id], async (tx) => {
      expect(tx.state(id)?.holds.map(({ holdId }) => holdId)).toEqual(['of-second'])
      tx.apply(id, release('of-second'), T0 + 2)
    })
    await second.transact([id], async (tx) => expect(tx.state(id)?.holds).toEqual([]))
  })

  it('decide again when they lost, and give up at the bound', async () => {
    const log = fixture.writer({ maxDecisions: 3 })
    const id = await received(log)
    let decisions = 0
    const losing = (rounds: number) =>
      log.transact([id], async (tx) => {
        decisions++
        tx.apply(id, hold(`round-${decisions}`), T0 + 1)
        if (decisions <= rounds) throw new VersionConflict([id])
      })
    await losing(2)
    expect(decisions).toBe(3)
    expect((await log.read(id))?.holds.map(({ holdId }) => holdId)).toEqual(['round-3'])
    decisions = 0
    await expect(losing(9)).rejects.toBeInstanceOf(VersionConflict)
    expect(decisions).toBe(3)
  })
})

describe('the state', () => {
  it('is the same live, from the log, and from any snapshot and its tail', async () => {
    const commands = fc.array(fc.constantFrom('hold', 'release', 'plan'), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(commands, fc.integer({ min: 1, max: 7 }), async (names, snapshotEvery) => {
        const log = fixture.writer({ snapshotEvery })
        const id = await received(log)
        let live: unknown
        for (const [n, name] of names.entries()) {
          const command = name === 'plan' ? freezePlan : name === 'hold' ? hold(`h${n}`) : release(null)
          await log.transact([id], async (tx) => {
            tx.apply(id, command, T0 + n)
            live = tx.state(id)
          })
        }
        const cold = fixture.writer({ cacheSize: 0, snapshotEvery })
        const loaded = await cold.transact([id], async (tx) => tx.state(id))
        expect(JSON.stringify(loaded)).toBe(JSON.stringify(live))
        expect(JSON.stringify(await log.read(id))).toBe(JSON.stringify(live))
      }),
      { numRuns: 15 },
    )
    // rebuild folds every stream from its first event and compares the snapshots with it.
    const report = await rebuild(fixture.pool)
    expect(report.snapshots).toBeGreaterThan(0)
    expect(report).toMatchObject({ equal: true, problems: [] })
  })
})
