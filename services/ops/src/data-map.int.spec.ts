import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import { RequestStandIn } from './testing/request-stand-in.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

const younger = `
version: 2
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg:
    kind: postgres
    resolves: { user_id: users.id, email: users.email }
    elements:
      - { table: users, by: id, method: delete, category: direct, basis: contract }
  cache:
    kind: redis
    keys: ['tenant:{tenant}:user:{user_id}:*']
    idsHoldDelimiters: false
    derivedFrom: [shop-pg]
`
let stand: Stand
let request: RequestStandIn
let ops: Ops

beforeAll(async () => {
  stand = await Stand.open()
  request = await RequestStandIn.start()
  await stand.pool.query('INSERT INTO events.data_maps VALUES (2, $1, $2)', ['digest-2', younger])
  ops = await stand.start({ requestUrl: request.url })
})

afterAll(async () => {
  await stand?.close()
  await request?.stop()
})

beforeEach(() => {
  request.received.length = 0
})

describe('the data map', () => {
  it('is shown as it is in force, with every version there was', async () => {
    const { status, body } = await ops.get('/v1/data-map')
    expect(status).toBe(200)
    expect(answers.dataMap.parse(body)).toMatchObject({
      version: 2,
      unknown: null,
      outline: {
        systems: [{ systemId: 'cache', derivedFrom: ['shop-pg'] }, { systemId: 'shop-pg' }],
        steps: [{ stepId: 'cache#1' }, { stepId: 'shop-pg#1' }, { stepId: 'cache#2' }],
      },
      versions: [{ version: 2 }, { version: 1 }],
    })
  })

  it('of an older version is there too; one that can not be read is unknown and not empty', async () => {
    // The stand's own first map names no tables, which no connector can use.
    const { body } = await ops.get('/v1/data-map?version=1')
    expect(answers.dataMap.parse(body)).toMatchObject({
      version: 1,
      outline: null,
      unknown: 'map_unreadable',
    })
    expect((await ops.get('/v1/data-map?version=7')).status).toBe(404)
    for (const query of ['?version=', '?version=one', '?of=me'])
      expect((await ops.get(`/v1/data-map${query}`)).status, query).toBe(400)
    expect((await ops.get('/v1/data-map', tokens.service)).status).toBe(403)
  })

  it('is held against the stores by the request service, for who may, and audited', async () => {
    const checked = {
      version: 2,
      digest: 'd',
      inForce: true,
      ok: false,
      findings: [],
      systems: {
        cache: {
          kind: 'redis',
          status: 'checked',
          findings: [
            {
              level: 'error',
              code: 'not_mapped',
              where: 'k',
              message: 'm',
              path: 'p',
              line: 3,
              more: 'not told',
            },
          ],
        },
      },
    }
    request.answer = { status: 200, body: checked }
    const check = (token: string) => ops.call('/v1/data-map/check', { method: 'POST', token, body: {} })
    const { status, body } = await check(tokens.operator)
    expect(status).toBe(200)
    expect(answers.checkedMap.parse(body)).toMatchObject({
      ok: false,
      systems: { cache: { status: 'checked' } },
    })
    expect(JSON.stringify(body)).not.toContain('not told')
    expect(request.received).toMatchObject([
      { path: '/v1/map-check', authorization: `Bearer ${tokens.operator}` },
    ])
    expect((await check(tokens.viewer)).status).toBe(403)
    expect(request.received).toHaveLength(1)
    const { rows } = await stand.pool.query(
      "SELECT credential_id FROM audit.actions WHERE action = 'check_map' AND outcome = 'asked' ORDER BY id",
    )
    expect(rows.map(({ credential_id }) => credential_id)).toEqual(['operator', 'viewer'])
  })
})
