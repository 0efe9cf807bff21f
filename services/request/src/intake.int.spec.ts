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

async function statuses(intakeKey: string): Promise<wire.ErasureStatusChanged[]> {
  const { rows } = await stand.pool.query<{ payload: Buffer }>(
    `SELECT payload FROM outbox.message WHERE aggregatetype = $1 ORDER BY position`,
    [`${prefix}erasure.status`],
  )
  const messages = await Promise.all(rows.map(({ payload }) => stand.codec.decode(payload)))
  return messages
    .map(({ value }) => value as wire.ErasureStatusChanged)
    .filter((status) => status.intakeKey === intakeKey)
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

  it('that does not open, or goes under another’s key, is quarantined while others go on', async () => {
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
      expect(await listDeadLetters(stand.config.kafka, { topic: 'erasure.intake' })).toHaveLength(2)
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
