import { randomUUID } from 'node:crypto'
import { createTopics, listDeadLetters, MessageProducer } from '@lethe/messaging'
import { intakeKeyOf, type wire } from '@lethe/schemas'
import { CompactEncrypt, generateKeyPair, importJWK, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

const prefix = `spec-${randomUUID().slice(0, 8)}.`
let stand: Stand
let producer: MessageProducer

beforeAll(async () => {
  const { endpoints } = await import('@lethe/infra')
  await createTopics({ brokers: endpoints().brokers, clientId: 'request-spec', topicPrefix: prefix })
  stand = await openStand({ topicPrefix: prefix })
  producer = new MessageProducer({ kafka: stand.config.kafka, codec: stand.codec })
  await producer.connect()
})
afterAll(async () => {
  await producer.disconnect()
  await stand.close()
})

async function jweOf(payload: unknown, jwk?: JWK): Promise<string> {
  const key = jwk ?? (await stand.call<JWK>('GET', '/v1/intake-key')).body
  return new CompactEncrypt(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
    .encrypt(await importJWK(key, 'ECDH-ES'))
}

async function publish(request: unknown, options: { token?: string; idempotencyKey?: string } = {}) {
  const { token = tokens.service, idempotencyKey = randomUUID() } = options
  const intakeKey = intakeKeyOf(token, idempotencyKey)
  const jwe = await jweOf({ token, idempotencyKey, request })
  await send({ intakeKey, jwe, sentAt: Date.now() })
  return intakeKey
}

const send = (value: wire.ErasureIntake) =>
  producer.send([{ topic: 'erasure.intake', key: value.intakeKey, type: 'ErasureIntake', value }])

const statuses = async (intakeKey: string): Promise<wire.ErasureStatusChanged[]> =>
  (await allStatuses()).filter((status) => status.intakeKey === intakeKey)

async function allStatuses(): Promise<wire.ErasureStatusChanged[]> {
  const { rows } = await stand.pool.query<{ payload: Buffer }>(
    `SELECT payload FROM outbox.message WHERE aggregatetype = $1 ORDER BY position`,
    [`${prefix}erasure.status`],
  )
  const messages = await Promise.all(rows.map(({ payload }) => stand.codec.decode(payload)))
  return messages.map(({ value }) => value as wire.ErasureStatusChanged)
}

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 50 })

describe('a published request', () => {
  it('becomes a request, and its acceptance is told under its intake key', async () => {
    const person = newPerson(stand)
    const intakeKey = await publish(askByEmail(person.email))
    await eventually(async () => {
      expect(await statuses(intakeKey)).toMatchObject([{ status: 'accepted', requestId: expect.any(String) }])
    })
    const [accepted] = await statuses(intakeKey)
    const { body } = await stand.call('GET', `/v1/erasure-requests/${accepted?.requestId}`)
    expect(body).toMatchObject({ channel: 'intake', requestedBy: 'service', plan: { mapVersion: 1 } })
  })

  it('that comes twice makes one request', async () => {
    const person = newPerson(stand)
    const idempotencyKey = randomUUID()
    await publish(askByEmail(person.email), { idempotencyKey })
    const intakeKey = await publish(askByEmail(person.email), { idempotencyKey })
    await eventually(async () => expect((await statuses(intakeKey)).length).toBe(2))
    expect(new Set((await statuses(intakeKey)).map(({ requestId }) => requestId)).size).toBe(1)
  })

  it.each([
    ['of an unknown caller', askByEmail('x@example.com'), { token: 'nobody' }, 'unauthenticated'],
    ['of a caller without the right', askByEmail('x@example.com'), { token: tokens.viewer }, 'forbidden'],
    ['for another tenant', askByEmail('x@example.com', { tenantId: 'other' }), {}, 'unknown_tenant'],
    ['with an unknown field', askByEmail('x@example.com', { more: 1 }), {}, 'invalid_request'],
    ['with a hostile identifier', askByEmail('*@*'), {}, 'invalid_identifier'],
  ])('%s is rejected under its intake key, with the code', async (_title, request, options, problemCode) => {
    const intakeKey = await publish(request, options)
    await eventually(async () => {
      expect(await statuses(intakeKey)).toMatchObject([{ status: 'rejected', requestId: null, problemCode }])
    })
  })

  it('with a hostile value in any field is rejected with a code that repeats nothing, and asks no probe', async () => {
    const values = [
      ...[
        '',
        ' ',
        '*',
        'u1*',
        '?',
        '%',
        'u1%',
        'u1:x',
        '../u1',
        '..%2fu1',
        "u1' OR '1'='1",
        'u1"',
        'u1\\',
        'u1\0',
      ],
      ...['\ud800', 'u1\u202e0', 'u1\u200b', 'u1\r\nx: 1', '{"$ne":null}', 'u1,u10', 'x'.repeat(10_240)],
      ...[null, true, 9_007_199_254_740_992, [], {}, ['u1']],
    ]
    const ask = askByEmail('somebody@example.com')
    const requests = values.flatMap((value) => [
      ...['user_id', 'email', 'phone', 'vendor:stripe'].map((type) => ({
        ...ask,
        identifiers: [{ type, value }],
      })),
      { ...ask, identifiers: [{ type: value, value: 'u1' }] },
      { ...ask, tenantId: value },
      { ...ask, ground: value },
      { ...ask, requesterRole: value },
      { ...ask, identity: { method: value } },
      { ...ask, graceDays: value },
      { ...ask, [String(value) || 'x']: value },
      value,
    ])
    const asked = stand.probes.calls.length
    const keys = await Promise.all(requests.map((request) => publish(request)))
    await eventually(async () => {
      const all = new Map((await allStatuses()).map((status) => [status.intakeKey, status]))
      for (const [at, key] of keys.entries()) {
        const said = JSON.stringify(requests[at]).slice(0, 200)
        expect(all.get(key), said).toMatchObject({ status: 'rejected', requestId: null, tenantId: null })
        expect(['invalid_identifier', 'invalid_request', 'unknown_tenant'], said).toContain(
          all.get(key)?.problemCode,
        )
      }
    })
    expect(stand.probes.calls).toHaveLength(asked)
    for (const value of ["u1' OR '1'='1", '{"$ne":null}', 'x'.repeat(100)])
      expect(stand.log()).not.toContain(value)
  })

  it('under a hostile idempotency key or token is rejected, or nobody’s to answer', async () => {
    const before = (await listDeadLetters(stand.config.kafka, { topic: 'erasure.intake' })).length
    const hostile = ['', ' ', 'a b', 'k\0', '\u202ek', 'x'.repeat(10_240)]
    for (const one of hostile) {
      const request = askByEmail(newPerson(stand).email)
      await publish(request, { idempotencyKey: one })
      await publish(request, { token: one })
    }
    const intakeKey = await publish(askByEmail('*@*'))
    await eventually(async () => expect(await statuses(intakeKey)).toHaveLength(1))
    // A key nobody could have sent, and a token that is none or too long, name no sender; `*` and such are unknown callers.
    await eventually(async () => {
      const letters = await listDeadLetters(stand.config.kafka, { topic: 'erasure.intake' })
      expect(letters.length).toBeGreaterThanOrEqual(before + hostile.length)
      expect(letters.every(({ code }) => /^intake_/.test(code))).toBe(true)
    })
  })

  it('that does not open, or goes under another’s key, is quarantined while others go on', async () => {
    const before = (await listDeadLetters(stand.config.kafka, { topic: 'erasure.intake' })).length
    const { publicKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })
    const { exportJWK } = await import('jose')
    const foreign = await jweOf({ token: tokens.service }, await exportJWK(publicKey))
    await send({ intakeKey: 'foreign', jwe: foreign, sentAt: Date.now() })
    const idempotencyKey = randomUUID()
    const stolen = await jweOf({
      token: tokens.service,
      idempotencyKey,
      request: askByEmail(newPerson(stand).email),
    })
    await send({ intakeKey: 'another-key', jwe: stolen, sentAt: Date.now() })
    const intakeKey = await publish(askByEmail(newPerson(stand).email))
    await eventually(async () => expect(await statuses(intakeKey)).toHaveLength(1))
    await eventually(async () => {
      const letters = await listDeadLetters(stand.config.kafka, { topic: 'erasure.intake' })
      expect(letters).toHaveLength(before + 2)
    })
  })
})

describe('the outbox', () => {
  it('forgets a row once its message was seen on its topic', async () => {
    const { rows } = await stand.pool.query<{ ce_id: string; payload: Buffer }>(
      `SELECT ce_id, payload FROM outbox.message WHERE aggregatetype = $1 LIMIT 1`,
      [`${prefix}erasure.requested`],
    )
    const [row] = rows
    await producer.sendRaw([
      {
        topic: 'erasure.requested',
        key: 'k',
        value: row?.payload as Buffer,
        headers: { ce_id: row?.ce_id as string, ce_type: 'ErasureRequested' },
      },
    ])
    await eventually(async () => {
      const left = await stand.pool.query('SELECT FROM outbox.message WHERE ce_id = $1', [row?.ce_id])
      expect(left.rowCount).toBe(0)
    })
  })
})
