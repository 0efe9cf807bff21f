import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { MatrixView } from './application/matrix.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

let stand: Stand
let ops: Ops
const ids: Record<'clean' | 'residual' | 'unsure' | 'both' | 'new', string> = {
  clean: '',
  residual: '',
  unsure: '',
  both: '',
  new: '',
}
let foreign: string

/** As the fold writes it when a probe has looked. */
const found = (requestId: string, systemId: string, result: string, residual: object = {}) =>
  stand.pool.query(
    `UPDATE read_model.verifications SET result = $3, checked_at = 5,
       detail = jsonb_set(detail, '{probe}', $4::jsonb) WHERE request_id = $1 AND system_id = $2`,
    [requestId, systemId, result, JSON.stringify({ result, residual, checkedAt: 5 })],
  )

beforeAll(async () => {
  stand = await Stand.open()
  for (const name of Object.keys(ids) as (keyof typeof ids)[]) ids[name] = await stand.request()
  foreign = await stand.request({ tenantId: 'other' })
  await found(ids.clean, 'cache', 'clean')
  await found(ids.residual, 'shop-pg', 'residual', { users: 2, orders: 1 })
  await found(ids.unsure, 'cache', 'inconclusive')
  await found(ids.both, 'cache', 'inconclusive')
  await found(ids.both, 'shop-pg', 'residual', { users: 1 })
  await found(foreign, 'cache', 'residual', { keys: 1 })
  ops = await stand.start()
})

afterAll(() => stand?.close())

/** All pages. */
async function all(path: string, token: string = tokens.viewer): Promise<MatrixView['items'][number][]> {
  const items: MatrixView['items'][number][] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const next: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { status, body } = await ops.get<MatrixView>(path + next, token)
    expect(status).toBe(200)
    answers.matrix.parse(body)
    items.push(...body.items)
    cursor = body.nextCursor
  }
  return items
}

describe('the matrix of requests and systems', () => {
  it.each([1, 2, 3, 50])(
    'has residues first, then what no probe could tell, each once, %i a page',
    async (limit) => {
      const items = await all(`/v1/verification?limit=${limit}`)
      expect(items.map(({ finding }) => finding)).toEqual([
        'residual',
        'residual',
        'inconclusive',
        'other',
        'other',
      ])
      expect(items.slice(0, 2).map(({ requestId }) => requestId)).toEqual([ids.residual, ids.both].sort())
      expect(items[2]?.requestId).toBe(ids.unsure)
      expect(items.slice(3).map(({ requestId }) => requestId)).toEqual([ids.clean, ids.new].sort().reverse())
    },
  )

  it('says of each system what was found, and nothing of what was not looked at', async () => {
    const { body } = await ops.get<MatrixView>('/v1/verification')
    expect(body.systems).toEqual(['cache', 'shop-pg'])
    const cells = (id: string) => body.items.find(({ requestId }) => requestId === id)?.cells
    expect(cells(ids.residual)).toMatchObject([
      { systemId: 'cache', result: null, checkedAt: null, residual: null, verified: false },
      { systemId: 'shop-pg', result: 'residual', checkedAt: 5, residual: 3 },
    ])
    expect(cells(ids.clean)?.[0]).toMatchObject({ result: 'clean', residual: 0 })
    const unsure = cells(ids.unsure)?.find(({ result }) => result === 'inconclusive')
    expect(unsure).toMatchObject({ residual: null })
  })

  it('is of the caller’s tenants, and of one system when asked', async () => {
    expect((await all('/v1/verification?', tokens.other)).map(({ requestId }) => requestId)).toEqual([
      foreign,
    ])
    expect((await all('/v1/verification?', tokens.all)).length).toBe(6)
    expect(await all('/v1/verification?tenantId=other')).toEqual([])
    expect(await all('/v1/verification?systemId=nowhere')).toEqual([])
    const unsure = await all('/v1/verification?finding=inconclusive&limit=1')
    expect(unsure.map(({ requestId }) => requestId)).toEqual([ids.unsure])
    expect(await all('/v1/verification?finding=residual&limit=1')).toHaveLength(2)
    expect((await ops.get('/v1/verification', tokens.eraser)).status).toBe(403)
    for (const query of ['cursor=abc', 'email=ada@example.com', 'limit=0'])
      expect((await ops.get(`/v1/verification?${query}`)).status, query).toBe(400)
  })
})
