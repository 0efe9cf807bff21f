import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accepted, askByEmail, openStand, type Stand, tokens } from './testing/stand.js'

const canary = 'canary7f3a'
const email = `${canary}@example.com`
const forms = [
  canary,
  Buffer.from(email).toString('base64').slice(0, 12),
  Buffer.from(canary).toString('hex'),
  encodeURIComponent(email),
]

let stand: Stand
const answers: string[] = []
beforeAll(async () => {
  stand = await openStand()
})
afterAll(() => stand.close())

const call = async (...args: Parameters<Stand['call']>) => {
  const answer = await stand.call(...args)
  answers.push(JSON.stringify(answer.body))
  return answer
}
const post = (body: unknown, raw?: string) =>
  call('POST', '/v1/erasure-requests', { key: randomUUID(), ...(raw ? { raw } : { body }) })

/** Every way in that a careless or hostile caller has, and every failure behind it. */
async function walkEveryErrorPath(): Promise<void> {
  await post(askByEmail(email))
  await post(askByEmail(`${canary}*`))
  await post(askByEmail(email, { [canary]: email }))
  await post(askByEmail(email, { tenantId: canary, regime: email, graceDays: email }))
  await post({ ...askByEmail(email), identifiers: [{ type: canary, value: email }] })
  await post(undefined, `{"tenantId":"shop","${email}":`)
  await post(undefined, `"${canary.repeat(10_000)}"`)
  await call('POST', '/v1/erasure-requests', { key: `${email} ü`.slice(0, 10), body: askByEmail(email) })
  await call('POST', '/v1/erasure-requests', { key: email, body: askByEmail(email) })
  await call('GET', `/v1/erasure-requests?status=${email}&cursor=${canary}`)
  await call('GET', `/v1/erasure-requests/${email}`)
  await call('GET', `/v1/${canary}?email=${email}`)
  await call('GET', '/v1/erasure-requests', { token: canary })
  await call('POST', `/v1/erasure-requests/${randomUUID()}/${canary}`, { body: {} })
  await call('POST', '/v1/clearance', {
    token: tokens.cacheEraser,
    body: { systemId: canary, passes: email },
  })
  const identifiers = [{ type: 'email', value: email }]
  await call('POST', '/v1/previews', { token: tokens.operator, body: { tenantId: 'shop', identifiers } })
  const named = { token: tokens.officer, body: { tenantId: 'shop', identifiers } }
  await call('POST', '/v1/people/requests', named)
  stand.probes.failWith = 500
  // Where a person is, is told to who named them; not when nobody can look.
  await call('POST', '/v1/people/where', named)
  await call('POST', '/v1/people/where', { ...named, body: { tenantId: canary, identifiers: email } })
  await call('POST', '/v1/previews', { token: tokens.operator, body: { tenantId: 'shop', identifiers } })
  await post(askByEmail(`other-${email}`))
  stand.probes.failWith = null
}

async function breakTheDatabase(): Promise<void> {
  await stand.pool.query(`ALTER TABLE vault.digests ADD CONSTRAINT broken CHECK (digest = 'never') NOT VALID`)
  const answer = await post(askByEmail(`broken-${email}`))
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
  await stand.pool.query('ALTER TABLE vault.digests DROP CONSTRAINT broken')
}

describe('an identifier', () => {
  it('is in no log line and in no answer, on whatever path it came and whatever failed', async () => {
    stand.probes.people.push({
      tenantId: 'shop',
      identifiers: [
        { type: 'user_id', value: `${canary}-user` },
        { type: 'email', value: `found-${email}` },
      ],
    })
    const id = await accepted(stand, askByEmail(`found-${email}`))
    await call('GET', `/v1/erasure-requests/${id}`)
    await call('GET', `/v1/erasure-requests/${id}/events`)
    await call('POST', `/v1/erasure-requests/${id}/hold`, { token: tokens.officer, body: { reason: email } })
    await walkEveryErrorPath()
    await breakTheDatabase()
    for (const form of forms) {
      expect(stand.log()).not.toContain(form)
      for (const answer of answers) expect(answer).not.toContain(form)
    }
  })

  it('is in no table in the clear', async () => {
    const { rows: tables } = await stand.pool.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname IN ('events', 'outbox', 'inbox', 'vault', 'read_model', 'audit')`,
    )
    for (const { name } of tables) {
      const { rows } = await stand.pool.query<{ text: string | null }>(
        `SELECT string_agg(t::text, ' ') AS text FROM ${name} AS t`,
      )
      for (const form of forms) expect(rows[0]?.text ?? '').not.toContain(form)
    }
  })

  it('would be found: the search sees one that is planted in a table and in the log', async () => {
    await stand.pool.query(`INSERT INTO events.idempotency VALUES ('shop', $1, 'planted')`, [email])
    const { rows } = await stand.pool.query(
      `SELECT string_agg(t::text, ' ') AS text FROM events.idempotency AS t`,
    )
    expect(rows[0].text).toContain(canary)
    stand.logger.info({ planted: email }, 'planted')
    expect(stand.log()).toContain(canary)
  })
})
