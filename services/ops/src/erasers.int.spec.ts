import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { OverviewView } from './application/overview.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

let stand: Stand
let ops: Ops

beforeAll(async () => {
  stand = await Stand.open()
  ops = await stand.start()
})
afterAll(() => stand?.close())
beforeEach(async () => {
  await stand.pool.query('DELETE FROM machine.beats')
})

/** As the request service writes it. */
const beat = (systemId: string, role: 'erase' | 'probe', more: object = {}) => {
  const row = {
    system_id: systemId,
    role,
    instance: randomUUID(),
    at: Date.now(),
    started_at: 1,
    version: '1.0.0',
    store: 'ok',
    window_ms: 60_000,
    done: 9,
    failed: 1,
    pacing: { size: 5, max: 10, perSecond: null, waitsMs: 0 },
    ...more,
  }
  return stand.pool.query(
    'INSERT INTO machine.beats SELECT * FROM jsonb_populate_record(NULL::machine.beats, $1::jsonb)',
    [JSON.stringify(row)],
  )
}

/** A drill of the cache that has put its person into the store, as the restore service writes it. */
const drill = (drillId: string, requestId: string, startedAt: number, reasons: readonly object[] = []) =>
  stand.pool.query(
    `INSERT INTO restore.drills (drill_id, system_id, started_at, finished_at, phase, verdict, reasons, canary, evidence)
     VALUES ($1, 'cache', $2::bigint, $2::bigint + 1, 'ended', 'passed', $4, $3, '{"durations":{"backing_up":1}}')`,
    [
      drillId,
      startedAt,
      JSON.stringify({ tenantId: 'drills', identifiers: [], requestId }),
      JSON.stringify(reasons),
    ],
  )
/** As the fold writes it. */
const stood = (requestId: string, more: object) =>
  stand.pool.query(
    `UPDATE read_model.verifications SET detail = detail || $2::jsonb
     WHERE request_id = $1 AND system_id = 'cache'`,
    [requestId, JSON.stringify({ finishedAt: 4, ...more })],
  )
const erased = (n: number) => ({ keys: { found: n, erased: n, redacted: 0, retained: 0, failed: 0 } })
const probed = (result: string) => ({
  passId: 'cache/probe-1',
  requestedAt: 4,
  result,
  checkedAt: 5,
  residual: {},
  reasonCode: null,
})

interface Told {
  readonly items: readonly { readonly group: string; readonly verdict: string }[]
}
async function told(): Promise<Map<string, Told['items'][number]>> {
  const { status, body } = await ops.get<Told>('/v1/erasers?maxAgeMs=0')
  expect(status).toBe(200)
  answers.erasers.parse(body)
  return new Map(body.items.map((one) => [one.group, one]))
}

describe('the list of erasers', () => {
  it('has every system of the map: who never spoke is missing, who spoke before is silent', async () => {
    // No Kafka group of the stand has a member.
    await beat('cache', 'erase', { at: Date.now() - 60_000 })
    const all = await told()
    expect([...all.keys()].sort()).toEqual(['eraser.cache', 'eraser.shop-pg', 'probe.cache', 'probe.shop-pg'])
    expect(all.get('eraser.cache')).toMatchObject({
      verdict: 'silent',
      perMinute: null,
      unknown: { perMinute: 'silent_since', canary: 'no_canary_yet' },
    })
    for (const group of ['eraser.shop-pg', 'probe.cache', 'probe.shop-pg'])
      expect(all.get(group), group).toMatchObject({
        verdict: 'missing',
        beatAt: null,
        unknown: { beatAt: 'never_spoke' },
      })
  })

  it('tells who can not use their store, with what they do and how fast', async () => {
    await beat('shop-pg', 'erase', { store: 'credentials_missing' })
    await beat('shop-pg', 'probe', { version: '2.0.0', pacing: null })
    const all = await told()
    expect(all.get('eraser.shop-pg')).toMatchObject({
      verdict: 'unusable',
      store: 'credentials_missing',
      versions: ['1.0.0'],
      perMinute: 10,
      errorRate: 0.1,
      pacing: { size: 5, max: 10 },
    })
    expect(all.get('probe.shop-pg')).toMatchObject({ versions: ['2.0.0'], store: 'ok', pacing: null })
  })

  it('is counted on the overview by what it says: who can not use its store is not up', async () => {
    await beat('shop-pg', 'erase', { store: 'credentials_missing' })
    const { body } = await ops.get<OverviewView>('/v1/overview?maxAgeMs=0')
    expect(body.erasers).toMatchObject({ up: { value: 0 }, unusable: { value: 1 }, silent: { value: 3 } })
    const { body: behind } = await ops.get<Told>(body.erasers.unusable.href)
    expect(behind.items.map(({ group }) => group)).toEqual(['eraser.shop-pg'])
  })

  it('shows what became of the made-up person of the last restore drill: a failed one is red until a later one passes', async () => {
    await beat('cache', 'erase')
    expect((await told()).get('probe.cache')).toMatchObject({
      canary: null,
      unknown: { canary: 'none_of_probes' },
    })
    const first = await stand.request({ tenantId: 'drills' })
    await drill('drill-1', first, 1_000)
    // Under way: its pass was asked for and is not acknowledged.
    expect((await told()).get('eraser.cache')).toMatchObject({
      canary: null,
      unknown: { canary: 'no_canary_yet' },
    })
    await stood(first, { status: 'COMPLETED', counts: erased(1), probe: probed('clean'), verified: true })
    const passed = (await told()).get('eraser.cache')
    expect(passed).toMatchObject({
      canary: { result: 'passed', at: 5, drillId: 'drill-1', why: null },
    })

    const second = await stand.request({ tenantId: 'drills' })
    await drill('drill-2', second, 2_000)
    // What is not known yet takes nothing away.
    expect((await told()).get('eraser.cache')).toMatchObject({ canary: { drillId: 'drill-1' } })
    await stood(second, { status: 'COMPLETED', counts: erased(0) })
    expect((await told()).get('eraser.cache')).toMatchObject({
      // No Kafka group of the stand has a member, which is said first.
      verdict: 'silent',
      canary: { result: 'failed', drillId: 'drill-2', why: 'not_found' },
    })
    expect((await told()).get('eraser.shop-pg')).toMatchObject({ canary: null })

    const third = await stand.request({ tenantId: 'drills' })
    await drill('drill-3', third, 3_000)
    await stood(third, { status: 'COMPLETED', counts: erased(2), probe: probed('clean'), verified: true })
    expect((await told()).get('eraser.cache')).toMatchObject({
      canary: { result: 'passed', drillId: 'drill-3' },
    })

    // The drill waited for its erasure, and the eraser had been asked and did not answer.
    await drill('drill-4', await stand.request({ tenantId: 'drills' }), 4_000, [
      { code: 'erasure_not_done', detail: 'It is IN_PROGRESS.' },
    ])
    expect((await told()).get('eraser.cache')).toMatchObject({
      canary: { result: 'failed', at: 4_001, drillId: 'drill-4', why: 'not_done' },
    })
    // A drill that never asked for an erasure says nothing.
    await stand.pool.query(
      `INSERT INTO restore.drills (drill_id, system_id, started_at, phase) VALUES ('drill-5', 'cache', 5000, 'planting')`,
    )
    expect((await told()).get('eraser.cache')).toMatchObject({ canary: { drillId: 'drill-4' } })
  })

  it('does not know a canary while drills can not be read, and shows the rest', async () => {
    await stand.pool.query('REVOKE SELECT ON restore.drills FROM lethe_ops')
    try {
      expect((await told()).get('eraser.cache')).toMatchObject({
        canary: null,
        unknown: { canary: 'drills_unreadable' },
      })
    } finally {
      await stand.pool.query('GRANT SELECT ON restore.drills TO lethe_ops')
    }
  })

  it('takes nobody for missing when what they say can not be read', async () => {
    await stand.pool.query('REVOKE SELECT ON machine.beats FROM lethe_ops')
    try {
      const all = await told()
      expect(all.get('eraser.cache')).toMatchObject({
        verdict: 'silent',
        unknown: { beatAt: 'beats_unreadable', store: 'beats_unreadable' },
      })
    } finally {
      await stand.pool.query('GRANT SELECT ON machine.beats TO lethe_ops')
    }
    expect((await ops.get('/v1/erasers', tokens.service)).status).toBe(403)
  })
})
