import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(() => stand.close())

const ask = (extra: object = {}) => accepted(stand, askByEmail(newPerson(stand).email, extra))
const command = (id: string, verb: string, body: object = {}, token: string = tokens.officer) =>
  stand.call('POST', `/v1/erasure-requests/${id}/${verb}`, { body, token })
const get = (path: string, token: string = tokens.officer) => stand.call('GET', path, { token })

const bodies: Record<string, object> = {
  approve: {},
  refuse: { ground: '17(3)(b)', citation: 'tax law' },
  hold: { reason: 'litigation' },
  release: {},
  cancel: {},
  extend: {},
  retry: { systemId: 'shop-pg' },
}

describe('another tenant’s request', () => {
  it('does not exist, to every read and every command', async () => {
    const id = await ask()
    const paths = ['', '/events', '/verification']
    for (const path of paths) {
      expect(await get(`/v1/erasure-requests/${id}${path}`, tokens.other)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
    }
    for (const [verb, body] of Object.entries(bodies)) {
      expect(await command(id, verb, body, tokens.other)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
    }
    const unknown = await get(`/v1/erasure-requests/${randomUUID()}`, tokens.other)
    const foreign = await get(`/v1/erasure-requests/${id}`, tokens.other)
    expect(foreign.body).toEqual(unknown.body)
  })

  it('is in no list, whatever is asked for', async () => {
    await ask()
    for (const query of ['', '?tenantId=shop', '?systemId=cache', '?status=IN_PROGRESS']) {
      const { body } = await get(`/v1/erasure-requests${query}`, tokens.other)
      expect(body.items).toEqual([])
    }
    expect((await get('/v1/verification?tenantId=shop', tokens.other)).body).toMatchObject({ items: [] })
  })
})

describe('roles', () => {
  it('let only officers decide', async () => {
    const id = await ask({ graceDays: 7 })
    for (const verb of ['approve', 'refuse', 'hold', 'release', 'extend']) {
      for (const token of [tokens.viewer, tokens.operator, tokens.service]) {
        expect(await command(id, verb, bodies[verb], token)).toMatchObject({
          status: 403,
          body: { code: 'forbidden' },
        })
      }
    }
  })

  it('keep a viewer from asking and previewing, and an eraser from reading', async () => {
    const body = askByEmail(newPerson(stand).email)
    const { tenantId, identifiers } = body
    const post = { token: tokens.viewer, key: randomUUID() }
    expect((await stand.call('POST', '/v1/erasure-requests', { ...post, body })).status).toBe(403)
    expect(
      (await stand.call('POST', '/v1/previews', { ...post, body: { tenantId, identifiers } })).status,
    ).toBe(403)
    expect((await get('/v1/erasure-requests', tokens.shopEraser)).status).toBe(403)
  })

  it('need a live credential', async () => {
    for (const token of ['nobody', tokens.expired]) {
      const answer = await get('/v1/erasure-requests', token)
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
    expect((await get('/v1/erasure-requests', tokens.expired)).body.detail).toContain('expired')
  })
})

describe('commands', () => {
  it('hold a request: it says from when on nothing is erased, and keeps the reason in the vault only', async () => {
    const id = await ask({ graceDays: 7 })
    const before = Date.now()
    const { status, body } = await command(id, 'hold', { reason: 'litigation against ACME' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'ON_HOLD', alreadyGone: [], outstandingGrants: [] })
    expect(body.effectiveAt).toBeGreaterThanOrEqual(before)
    expect(body.effectiveAt).toBeLessThanOrEqual(Date.now())
    const events = await get(`/v1/erasure-requests/${id}/events`)
    expect(JSON.stringify(events.body)).not.toContain('ACME')
    const { rows } = await stand.pool.query<{ sealed: Buffer }>(
      'SELECT sealed FROM vault.notes WHERE request_id = $1',
      [id],
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]?.sealed.toString('latin1')).not.toContain('ACME')
    expect(await command(id, 'release')).toMatchObject({
      status: 200,
      body: { status: 'SCHEDULED', holds: [] },
    })
  })

  it('cancel in the grace period, and say why nothing more is possible afterwards', async () => {
    const id = await ask({ graceDays: 7 })
    expect(await command(id, 'cancel', {}, tokens.service)).toMatchObject({ body: { status: 'CANCELLED' } })
    expect(await command(id, 'approve')).toMatchObject({ status: 409, body: { code: 'illegal_transition' } })
  })

  it('approve what waits for approval', async () => {
    const id = await ask({ approval: 'required' })
    expect(await get(`/v1/erasure-requests/${id}`)).toMatchObject({ body: { status: 'AWAITING_APPROVAL' } })
    expect(await command(id, 'approve')).toMatchObject({ status: 200, body: { status: 'IN_PROGRESS' } })
  })

  it('refuse with ground and citation', async () => {
    const id = await ask({ graceDays: 7 })
    const { body } = await command(id, 'refuse', bodies.refuse)
    expect(body).toMatchObject({ status: 'REFUSED', refusal: { ground: '17(3)(b)', citation: 'tax law' } })
  })

  it('extend the clock by the regime’s own extension when no date is given', async () => {
    const id = await ask({ graceDays: 7 })
    const { body: before } = await get(`/v1/erasure-requests/${id}`)
    const { status, body } = await command(id, 'extend', { reason: 'complex' })
    expect(status).toBe(200)
    expect(body.dueAt).toBeGreaterThan((before.dueAt as number) + 50 * 86_400_000)
  })

  it('that do not exist are not found, and their bodies are checked', async () => {
    const id = await ask()
    expect((await command(id, 'explode')).status).toBe(404)
    expect(await command(id, 'refuse', {})).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(await command(id, 'hold', { because: 'x' })).toMatchObject({ status: 400 })
  })
})

describe('lists', () => {
  it('page newest first without gaps or repetitions, and filter by status, system and due date', async () => {
    const own = new Set<string>()
    for (let i = 0; i < 5; i++) own.add(await ask({ graceDays: 14 }))
    const seen: string[] = []
    let cursor = ''
    do {
      const query = `?status=SCHEDULED,CANCELLED&systemId=cache&limit=2${cursor && `&cursor=${cursor}`}`
      const { status, body } = await get(`/v1/erasure-requests${query}`)
      expect(status).toBe(200)
      const items = body.items as { requestId: string; receivedAt: number }[]
      expect(items.length).toBeLessThanOrEqual(2)
      seen.push(...items.map(({ requestId }) => requestId))
      cursor = (body.nextCursor as string | null) ?? ''
    } while (cursor !== '')
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter((id) => own.has(id)).reverse()).toEqual([...own])
    expect((await get('/v1/erasure-requests?dueBefore=1000')).body.items).toEqual([])
  })

  it.each(['?cursor=garbage', '?status=WRONG', '?limit=0', '?email=canary@example.com'])(
    'refuse the query %s',
    async (query) => {
      const { status, body } = await get(`/v1/erasure-requests${query}`)
      expect(status).toBe(400)
      expect(JSON.stringify(body)).not.toContain('canary')
    },
  )

  it('show every event of one request, with versions without gaps', async () => {
    const id = await ask()
    const { body } = await get(`/v1/erasure-requests/${id}/events`)
    const items = body.items as { version: number; type: string; at: number }[]
    expect(items[0]).toMatchObject({ version: 1, type: 'RequestReceived' })
    expect(items.map(({ version }) => version)).toEqual(items.map((_, index) => index + 1))
    expect(items.every(({ at }) => at > 0)).toBe(true)
  })
})

describe('a preview', () => {
  it('counts per system and collection, is audited, and stores nothing', async () => {
    const person = newPerson(stand)
    const count = async () => (await stand.pool.query('SELECT count(*) FROM vault.entries')).rows[0].count
    const before = await count()
    const { tenantId, identifiers } = askByEmail(person.email)
    const { status, body } = await stand.call('POST', '/v1/previews', {
      token: tokens.operator,
      body: { tenantId, identifiers },
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      people: 1,
      identifiers: { email: 1, user_id: 1, 'vendor:stripe': 1 },
      systems: { 'shop-pg': { users: { found: 1 } }, cache: { users: { found: 1 } } },
    })
    expect(await count()).toBe(before)
    const { rows } = await stand.pool.query(
      `SELECT credential_id, system_id FROM audit.clearances WHERE request_id = $1 ORDER BY system_id`,
      [body.previewId],
    )
    expect(rows).toEqual([
      { credential_id: 'operator', system_id: 'cache' },
      { credential_id: 'operator', system_id: 'shop-pg' },
    ])
  })

  it('calls unknown what it can’t ask for: a hole would read as nothing', async () => {
    stand.probes.failWith = 500
    const { tenantId, identifiers } = askByEmail(newPerson(stand).email)
    const answer = await stand.call('POST', '/v1/previews', {
      token: tokens.operator,
      body: { tenantId, identifiers },
    })
    stand.probes.failWith = null
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      people: null,
      systems: {},
      unknown: ['cache', 'shop-pg'],
      overCeiling: [],
    })
  })
})
