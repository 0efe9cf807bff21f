import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { accepted, askByEmail, newPerson, openStand, type Stand } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(() => stand.close())
beforeEach(() => {
  stand.probes.failWith = null
})

const post = (body: object, key: string = randomUUID()) =>
  stand.call<{
    requestId: string
    status: string
    code: string
    detail: string
    plan: { mapVersion: number; steps: { stepId: string }[] }
    dueAt: number
    receivedAt: number
    review: { code: string; candidates: number }
    duplicateOf: string
    links: { self: string }
    errors: { path: string; problem: string }[]
  }>('POST', '/v1/erasure-requests', { body, key })

const streams = async (): Promise<number> =>
  Number((await stand.pool.query('SELECT count(*) FROM events.streams')).rows[0].count)

describe('accepting', () => {
  it('freezes the plan of the data map and seals what each system needs, from an e-mail alone', async () => {
    const person = newPerson(stand)
    const { status, headers, body } = await post(askByEmail(person.email))
    expect(status).toBe(201)
    expect(headers.get('location')).toBe(body.links.self)
    expect(body.plan.mapVersion).toBe(1)
    expect(body.plan.steps.map(({ stepId }) => stepId)).toEqual(['cache#1', 'shop-pg#1', 'cache#2'])
    expect(body.status).toBe('IN_PROGRESS')
    expect(body.dueAt).toBeGreaterThan(body.receivedAt + 27 * 86_400_000)
    const { rows } = await stand.pool.query<{ system_id: string; sealed: Buffer }>(
      'SELECT system_id, sealed FROM vault.entries WHERE request_id = $1 ORDER BY system_id',
      [body.requestId],
    )
    expect(rows.map(({ system_id }) => system_id)).toEqual(['@person', 'cache', 'shop-pg'])
    for (const { sealed } of rows) expect(sealed.toString('latin1')).not.toContain(person.userId)
    const outbox = await stand.pool.query(
      'SELECT aggregatetype, type, systems FROM outbox.message WHERE aggregateid = (SELECT subject_ref FROM read_model.requests WHERE request_id = $1) ORDER BY position',
      [body.requestId],
    )
    expect(outbox.rows).toContainEqual({
      aggregatetype: 'erasure.requested',
      type: 'ErasureRequested',
      systems: ',cache,',
    })
    expect(outbox.rows.map(({ type }) => type)).toContain('ErasureStatusChanged')
  })

  it('leads a request by e-mail and one by user id to the same person', async () => {
    const person = newPerson(stand)
    const requestId = await accepted(stand, askByEmail(person.email))
    const again = await post({
      ...askByEmail(person.email),
      identifiers: [{ type: 'user_id', value: person.userId }],
    })
    expect(again.status).toBe(409)
    expect(again.body).toMatchObject({ code: 'duplicate_request', duplicateOf: requestId })
  })

  it('makes one request of twenty that arrive at once with one key', async () => {
    const person = newPerson(stand)
    const before = await streams()
    const key = randomUUID()
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(askByEmail(person.email), key)))
    expect(new Set(answers.map(({ body }) => body.requestId)).size).toBe(1)
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201])
    expect(await streams()).toBe(before + 1)
  })

  it('makes one request of two for the same person that arrive at once with keys of their own', async () => {
    const person = newPerson(stand)
    const bodies = Array.from({ length: 10 }, () => post(askByEmail(person.email)))
    const answers = await Promise.all(bodies)
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9)
  })

  it('answers a repeated key with the request it led to, also when it has moved on since', async () => {
    const person = newPerson(stand)
    const key = randomUUID()
    const first = await post(askByEmail(person.email, { graceDays: 7 }), key)
    await stand.call('POST', `/v1/erasure-requests/${first.body.requestId}/cancel`, { body: {} })
    const again = await post(askByEmail(person.email, { graceDays: 7 }), key)
    expect(again.status).toBe(200)
    expect(again.body).toMatchObject({ requestId: first.body.requestId, status: 'CANCELLED' })
  })

  it('refuses a key that comes back for another person instead of losing that person', async () => {
    const key = randomUUID()
    await post(askByEmail(newPerson(stand).email), key)
    const other = await post(askByEmail(newPerson(stand).email), key)
    expect(other.status).toBe(409)
    expect(other.body.detail).toContain('key of its own')
  })

  it('opens a review when one identifier leads to two people, and seals nothing that was found', async () => {
    const shared = 'shared@example.com'
    for (const userId of ['twin-a', 'twin-b']) {
      stand.probes.people.push({
        tenantId: 'shop',
        identifiers: [
          { type: 'user_id', value: userId },
          { type: 'email', value: shared },
        ],
      })
    }
    const { status, body } = await post(askByEmail(shared))
    expect(status).toBe(201)
    expect(body).toMatchObject({ status: 'AWAITING_IDENTITY', plan: null })
    expect(body.review).toMatchObject({ code: 'ambiguous_subject', candidates: 2 })
    const { rows } = await stand.pool.query('SELECT system_id FROM vault.entries WHERE request_id = $1', [
      body.requestId,
    ])
    expect(rows).toEqual([{ system_id: '@person' }])
  })

  it('opens a review when the identifiers lead to nobody', async () => {
    const { body } = await post(askByEmail('nobody@example.com'))
    expect(body.status).toBe('AWAITING_IDENTITY')
    expect(body.review).toMatchObject({ candidates: 0 })
  })

  it('accepts while a probe is down, and plans by itself once it is back', async () => {
    const person = newPerson(stand)
    stand.probes.failWith = 503
    const { status, body } = await post(askByEmail(person.email))
    expect(status).toBe(201)
    expect(body).toMatchObject({ status: 'PENDING', plan: null })
    stand.probes.failWith = null
    await vi.waitFor(
      async () => {
        const { body: now } = await stand.call('GET', `/v1/erasure-requests/${body.requestId}`)
        expect(now).toMatchObject({ status: 'IN_PROGRESS', plan: { mapVersion: 1 } })
      },
      { timeout: 30_000 },
    )
  })
})

describe('requests whose vault entry does not open', () => {
  it('are named in the log, and those behind them are planned all the same', async () => {
    stand.probes.failWith = 503
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    await stand.pool.query(
      `INSERT INTO read_model.requests
       SELECT (jsonb_populate_record(r, jsonb_build_object('request_id', 'ghost-' || n, 'received_at', n))).*
       FROM read_model.requests r, generate_series(1, 450) n WHERE request_id = $1`,
      [id],
    )
    stand.probes.failWith = null
    await vi.waitFor(
      async () => {
        const { body } = await stand.call('GET', `/v1/erasure-requests/${id}`)
        expect(body).toMatchObject({ status: 'IN_PROGRESS' })
        // A round that began before the ghosts came may have planned the request without meeting them.
        for (const ghost of ['ghost-1', 'ghost-450']) expect(stand.log().split(`"${ghost}"`)).toHaveLength(2)
      },
      { timeout: 30_000 },
    )
    await stand.pool.query(`DELETE FROM read_model.requests WHERE request_id LIKE 'ghost-%'`)
  })
})

describe('a bad request', () => {
  it.each([
    ['an unknown field', askByEmail('a@example.com', { canary: 'x' }), 'invalid_request', 400],
    ['a wrong type', askByEmail('a@example.com', { graceDays: 'seven' }), 'invalid_request', 400],
    ['no identifier', { ...askByEmail('a@example.com'), identifiers: [] }, 'invalid_request', 400],
    ['an empty identifier', askByEmail(''), 'invalid_identifier', 422],
    ['ten kilobytes of identifier', askByEmail('a'.repeat(10_000)), 'invalid_identifier', 422],
    ['an identifier that is null', askByEmail(null as unknown as string), 'invalid_identifier', 422],
    ['an unknown tenant', askByEmail('a@example.com', { tenantId: 'nowhere' }), 'unknown_tenant', 404],
    ['an unknown regime', askByEmail('a@example.com', { regime: 'moon' }), 'invalid_request', 400],
  ])('with %s is refused, says what to do and repeats no value', async (_title, body, code, status) => {
    const answer = await post(body)
    expect(answer).toMatchObject({ status, body: { code } })
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.body.detail.length).toBeGreaterThan(10)
    expect(JSON.stringify(answer.body)).not.toMatch(/canary|seven|aaaa|nowhere|moon/)
  })

  it('needs an Idempotency-Key', async () => {
    const { status, body } = await stand.call('POST', '/v1/erasure-requests', { body: askByEmail('a@b.de') })
    expect(status).toBe(400)
    expect(body.detail).toContain('Idempotency-Key')
  })

  it('above the size limit is refused', async () => {
    const raw = JSON.stringify(askByEmail('x'.repeat(70_000)))
    expect(await stand.call('POST', '/v1/erasure-requests', { raw, key: 'k' })).toMatchObject({ status: 413 })
  })
})

describe('a request that meets another database of Lethe', () => {
  it('is refused inside its transaction, although nothing was known before it, and accepted later', async () => {
    const { watch, maps } = stand.parts
    const ask = askByEmail(newPerson(stand).email)
    const key = randomUUID()
    const before = await streams()
    let exchanged = false
    const resolvers = maps.resolvers.bind(maps)
    const preparing = vi.spyOn(maps, 'resolvers').mockImplementation((...given) => {
      exchanged = true
      return resolvers(...given)
    })
    const blocked = vi
      .spyOn(watch, 'blocked')
      .mockImplementation(async () => (exchanged ? 'lethe_restored' : null))
    const refused = await post(ask, key)
    blocked.mockRestore()
    preparing.mockRestore()
    expect(exchanged).toBe(true)
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(await streams()).toBe(before)
    expect((await post(ask, key)).status).toBe(201)
  })
})

describe('a full queue', () => {
  it('answers 429 with Retry-After, and accepts again afterwards', async () => {
    const narrow = await openStand({ maxInFlight: 1 })
    try {
      const asks = Array.from({ length: 8 }, () => askByEmail(newPerson(narrow).email))
      const answers = await Promise.all(
        asks.map((body) => narrow.call('POST', '/v1/erasure-requests', { body, key: randomUUID() })),
      )
      const refused = answers.filter(({ status }) => status === 429)
      expect(refused.length).toBeGreaterThan(0)
      for (const { headers, body } of refused) {
        expect(headers.get('retry-after')).toBe('1')
        expect(body.code).toBe('queue_full')
      }
      await accepted(narrow, askByEmail(newPerson(narrow).email))
    } finally {
      await narrow.close()
    }
  })
})
