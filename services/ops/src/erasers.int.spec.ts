import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
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
      unknown: { perMinute: 'silent_since', canary: 'no_canary' },
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
