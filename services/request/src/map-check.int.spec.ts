import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CheckedMap } from './application/map-check.js'
import { openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(() => stand?.close())
afterEach(() => {
  stand.probes.failWith = null
  stand.probes.sections.length = 0
  for (const name of Object.keys(stand.probes.described)) delete stand.probes.described[name]
})

const candidate = (version: number, elements: string) => `version: ${version}
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg:
    kind: postgres
    ceiling: 10
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: users, by: id, method: delete }
      ${elements}
  ledger:
    kind: postgres
    notApplicable: it holds amounts only
`
const ask = (map?: string, token: string = tokens.operator) =>
  map === undefined
    ? stand.call<CheckedMap>('GET', '/v1/map-check', { token })
    : stand.call<CheckedMap>('POST', '/v1/map-check', { token, body: { map } })

describe('the map check of request', () => {
  it('asks every probe for the map in force and places findings in its text', async () => {
    const grants = { erase: ['GRANT SELECT ON users TO eraser;'], probe: [] }
    stand.probes.described['shop-pg'] = {
      version: '15.4',
      findings: [
        {
          level: 'warning',
          code: 'missing_index',
          where: 'newsletter.email',
          message: 'Create one.',
          path: ['elements', 0, 'by'],
        },
      ],
      grants,
    }
    const { status, body } = await ask()
    expect(status).toBe(200)
    expect(body).toMatchObject({ version: 1, inForce: true, ok: true, findings: [] })
    expect(body.systems['shop-pg']).toEqual({
      kind: 'postgres',
      status: 'checked',
      storeVersion: '15.4',
      findings: [
        {
          level: 'warning',
          code: 'missing_index',
          where: 'newsletter.email',
          message: 'Create one.',
          path: 'systems.shop-pg.elements[0].by',
          line: 13,
        },
      ],
      grants,
    })
    expect(stand.probes.sections.map(({ system }) => system.systemId).sort()).toEqual(['cache', 'shop-pg'])
  })

  it('asks probes for a map that is not in force, with its own sections', async () => {
    const error = {
      level: 'error',
      code: 'missing_table',
      where: 'gone',
      message: 'No such table.',
      path: ['elements', 1],
    }
    stand.probes.described['shop-pg'] = { version: '15', findings: [error], grants: null }
    const { body } = await ask(candidate(2, '- { table: gone, by: user_id, method: delete }'))
    expect(body).toMatchObject({ version: 2, inForce: false, ok: false })
    expect(body.systems['shop-pg']?.findings).toEqual([
      expect.objectContaining({ code: 'missing_table', path: 'systems.shop-pg.elements[1]', line: 11 }),
    ])
    expect(body.systems.ledger).toMatchObject({ status: 'not_applicable', findings: [] })
    expect(stand.probes.sections).toEqual([
      expect.objectContaining({
        version: 2,
        canonical: 'user_id',
        tenant: { column: 'tenant_id' },
        system: expect.objectContaining({ systemId: 'shop-pg', connection: 'SHOP_PG', ceiling: 10 }),
      }),
    ])
    expect(stand.parts.maps.current.version).toBe(1)
  })

  it('is not fine when nobody could look', async () => {
    stand.probes.failWith = 503
    const { status, body } = await ask()
    expect(status).toBe(200)
    expect(body.ok).toBe(false)
    expect(body.systems.cache).toMatchObject({
      status: 'unreachable',
      findings: [{ level: 'error', code: 'probe_unreachable', path: 'systems.cache', line: 15 }],
    })
    const nowhere = candidate(2, '').replaceAll('shop-pg', 'crm-pg')
    expect((await ask(nowhere)).body.systems['crm-pg']?.status).toBe('unreachable')
  })

  it('wants a higher version for other content', async () => {
    const { body } = await ask(candidate(1, ''))
    expect(body.ok).toBe(false)
    expect(body.findings).toEqual([
      expect.objectContaining({
        code: 'map_mismatch',
        path: 'version',
        line: 1,
        message: expect.stringContaining('2'),
      }),
    ])
  })

  it('refuses a map that does not parse, with every problem by path and line', async () => {
    const { status, body } = await ask(candidate(2, '- { table: orders, by: email, method: drop }'))
    expect(status).toBe(422)
    expect(body).toMatchObject({
      code: 'map_invalid',
      problems: expect.arrayContaining([
        expect.objectContaining({ line: 11, path: expect.stringContaining('elements[1]') }),
      ]),
    })
    expect(stand.probes.sections).toEqual([])
  })

  it.each([tokens.viewer, tokens.service, tokens.shopEraser])('is for staff: %s may not', async (token) => {
    expect((await ask(undefined, token)).status).toBe(403)
    expect((await ask(candidate(2, ''), token)).status).toBe(403)
    expect(stand.probes.sections).toEqual([])
  })
})
