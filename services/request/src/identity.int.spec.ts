import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ClearanceAnswer } from './application/clearance.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand({ resolutionFreshMs: 0 })
})
afterAll(() => stand.close())
beforeEach(() => {
  stand.probes.failWith = null
})

const get = async (id: string) => (await stand.call('GET', `/v1/erasure-requests/${id}`)).body
const approve = (id: string, body: object = {}) =>
  stand.call('POST', `/v1/erasure-requests/${id}/approve`, { body, token: tokens.officer })
const statusBecomes = (id: string, status: string) =>
  vi.waitFor(async () => expect(await get(id)).toMatchObject({ status }), { timeout: 30_000 })

async function clear(requestId: string, passId = 'cache#1/initial'): Promise<ClearanceAnswer | undefined> {
  const { body } = await stand.call<{ results: ClearanceAnswer[] }>('POST', '/v1/clearance', {
    token: tokens.cacheEraser,
    body: { systemId: 'cache', purpose: 'erase', passes: [{ requestId, passId, attempt: 1 }] },
  })
  return body.results[0]
}

function twins(email: string, ...userIds: string[]): void {
  for (const userId of userIds) {
    stand.probes.people.push({
      tenantId: 'shop',
      identifiers: [
        { type: 'user_id', value: userId },
        { type: 'email', value: email },
      ],
    })
  }
}

/** The person changes their address: the probes know the new one only. */
function moves({ userId, email }: { userId: string; email: string }, to: string): void {
  const { people } = stand.probes
  people.splice(
    people.findIndex(({ identifiers }) => identifiers.some(({ value }) => value === email)),
    1,
  )
  const identifiers = [
    { type: 'user_id', value: userId },
    { type: 'email', value: to },
  ] as const
  people.push({ tenantId: 'shop', identifiers })
}

describe('an identity review', () => {
  it('of nobody found goes on with what was given once an officer confirms it', async () => {
    const id = await accepted(stand, askByEmail('gone-already@example.com'))
    expect(await get(id)).toMatchObject({ status: 'AWAITING_IDENTITY', owner: 'privacy_officer' })
    expect((await approve(id)).status).toBe(200)
    await statusBecomes(id, 'IN_PROGRESS')
  })

  it('of several people is not settled by a mere approval', async () => {
    twins('both@example.com', 'both-a', 'both-b')
    const id = await accepted(stand, askByEmail('both@example.com'))
    expect(await approve(id)).toMatchObject({ status: 409, body: { code: 'ambiguous_subject' } })
    expect(await get(id)).toMatchObject({ status: 'AWAITING_IDENTITY' })
  })

  it('of several people is settled by naming the one who is meant, and the audit says who did', async () => {
    twins('pair@example.com', 'pair-a')
    twins('pair@example.com', 'pair-b')
    const id = await accepted(stand, askByEmail('pair@example.com'))
    stand.probes.people.push({
      tenantId: 'shop',
      identifiers: [{ type: 'user_id', value: 'pair-c' }],
    })
    expect((await approve(id, { identifiers: [{ type: 'user_id', value: 'pair-c' }] })).status).toBe(200)
    await statusBecomes(id, 'IN_PROGRESS')
    expect((await clear(id))?.subject?.identifiers).toEqual([{ type: 'user_id', value: 'pair-c' }])
    const { rows } = await stand.pool.query(
      `SELECT credential_id FROM audit.clearances WHERE request_id = $1 AND purpose = 'identity_review'`,
      [id],
    )
    expect(rows).toEqual([{ credential_id: 'officer' }])
  })

  it('of several people who share an address is settled for the one that is named, and does not come again', async () => {
    twins('couple@example.com', 'couple-a', 'couple-b')
    const id = await accepted(stand, askByEmail('couple@example.com'))
    const named = [{ type: 'user_id', value: 'couple-a' }]
    expect((await approve(id, { identifiers: named })).status).toBe(200)
    await statusBecomes(id, 'IN_PROGRESS')
    expect(await clear(id)).toMatchObject({ decision: 'go', subject: { identifiers: named } })
  })

  it('is never settled by who requested the erasure', async () => {
    const id = await accepted(stand, askByEmail('nobody-yet@example.com'), tokens.officer)
    expect(await approve(id)).toMatchObject({ status: 403, body: { code: 'second_approval_needed' } })
    const named = { identifiers: [{ type: 'user_id', value: 'somebody' }] }
    expect(await approve(id, named)).toMatchObject({ status: 403 })
    const second = await stand.call('POST', `/v1/erasure-requests/${id}/approve`, {
      body: {},
      token: tokens.second,
    })
    expect(second.status).toBe(200)
  })

  it('takes no identifiers when there is none', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    const answer = await approve(id, { identifiers: [{ type: 'user_id', value: 'someone-else' }] })
    expect(answer).toMatchObject({ status: 409, body: { code: 'illegal_transition' } })
  })
})

describe('identity at the first step', () => {
  it('is resolved once more, and what was found since is erased too', async () => {
    const person = newPerson(stand)
    const id = await accepted(stand, askByEmail(person.email))
    moves(person, `new-${person.email}`)
    expect(await clear(id)).toMatchObject({ decision: 'go' })
    const { body } = await stand.call('GET', `/v1/erasure-requests/${id}/events`)
    const resolved = (body.items as { type: string; data: { occasion: string; found: object } }[]).filter(
      ({ type }) => type === 'IdentifiersResolved',
    )
    expect(resolved.map(({ data }) => data.occasion)).toEqual(['plan', 'first_step'])
    expect(resolved[1]?.data.found).toMatchObject({ user_id: 1, email: 2 })
    const calls = stand.probes.calls.length
    await clear(id)
    expect(stand.probes.calls.length).toBe(calls)
  })

  it('that can’t be resolved then gets no grant yet', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    stand.probes.failWith = 500
    expect(await clear(id)).toMatchObject({ decision: 'not_now', code: 'unavailable' })
    expect((await get(id)).firstGrantAt).toBeNull()
    stand.probes.failWith = null
    expect(await clear(id)).toMatchObject({ decision: 'go' })
  })

  it('that has become two people’s waits for an officer', async () => {
    const person = newPerson(stand)
    const id = await accepted(stand, askByEmail(person.email))
    twins(person.email, `${person.userId}-again`)
    expect(await clear(id)).toMatchObject({ decision: 'not_now', code: 'ambiguous_subject' })
    expect(await get(id)).toMatchObject({ status: 'AWAITING_IDENTITY', firstGrantAt: null })
  })

  it('that has become two people’s goes on with the one an officer names, and with nothing of the other', async () => {
    const person = newPerson(stand)
    const id = await accepted(stand, askByEmail(person.email))
    twins(person.email, `${person.userId}-again`)
    await clear(id)
    expect(await approve(id)).toMatchObject({ status: 409, body: { code: 'ambiguous_subject' } })
    const named = [{ type: 'user_id', value: person.userId }]
    expect((await approve(id, { identifiers: named })).status).toBe(200)
    expect(await get(id)).toMatchObject({ status: 'IN_PROGRESS', review: null })
    expect(await clear(id)).toMatchObject({ decision: 'never' })
    expect(await clear(id, 'cache#1/retry-1')).toMatchObject({
      decision: 'go',
      subject: { identifiers: named },
    })
    const { rows } = await stand.pool.query(
      `SELECT credential_id FROM audit.clearances WHERE request_id = $1 AND purpose = 'identity_review'`,
      [id],
    )
    expect(rows).toEqual([{ credential_id: 'officer' }])
  })

  it('is found under the locks of its digests, so that no duplicate slips in meanwhile', async () => {
    const person = newPerson(stand)
    const id = await accepted(stand, askByEmail(person.email))
    moves(person, `later-${person.email}`)
    const client = await stand.pool.connect()
    try {
      await client.query('SELECT pg_advisory_lock(4931, bucket) FROM generate_series(0, 4095) AS bucket')
      const answer = clear(id)
      const waits = async () => {
        const { rows } = await client.query(
          `SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 4931 AND NOT granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        )
        expect(rows.length).toBeGreaterThan(0)
      }
      await vi.waitFor(waits, { timeout: 30_000 })
      await client.query('SELECT pg_advisory_unlock_all()')
      expect(await answer).toMatchObject({ decision: 'go' })
    } finally {
      await client.query('SELECT pg_advisory_unlock_all()')
      client.release()
    }
  })
})
