import { randomUUID } from 'node:crypto'
import { followStatus, LetheIntake } from '@lethe/client'
import { listDeadLetters, MessageCodec, MessageProducer } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, CallOptions } from './harness/caller.js'
import { encryptFor } from './harness/jwe.js'
import { run } from './harness/run.js'
import { until, untilStatus } from './harness/wait.js'
import { addresses, hostileValues } from './hostile/people.js'
import { type HostileStand, openHostileStand } from './hostile/stand.js'
import { othersUntouched } from './hostile/traces.js'
import { askFor, type CanaryPerson } from './leak/canary.js'

let stand: HostileStand
const requests = '/v1/erasure-requests'

beforeAll(async () => {
  stand = await openHostileStand()
})
afterAll(async () => {
  await stand?.close()
})

const customer = (n: number): CanaryPerson => ({
  tenantId: 'acme',
  userId: `u${n}`,
  email: `customer${n}@example.com`,
  phone: '',
  stripe: `cus_${n}`,
})
const later = (n: number) => askFor(customer(n), ['user_id'], { graceDays: 30 })
const kafka = () => {
  const { chain } = stand
  return { brokers: chain.context.at.brokers, clientId: 'lethe-test', topicPrefix: chain.topicPrefix }
}
const openCodec = () => MessageCodec.connect(stand.chain.context.at.registryUrl, { register: false })

function expectProblem(answer: Answer, status: number, code: string, says: RegExp): void {
  expect({ status: answer.status, code: answer.body?.code }, answer.text).toEqual({ status, code })
  expect(String(answer.headers['content-type'])).toContain('application/problem+json')
  expect(`${answer.body?.title} ${answer.body?.detail ?? ''}`).toMatch(says)
}

describe('a bad request', () => {
  it.each<[string, string, string, CallOptions, number, string, RegExp]>([
    [
      'with an unknown field',
      'POST',
      requests,
      { body: { ...later(1), more: 1 } },
      400,
      'invalid_request',
      /not known here; see \/openapi.json/,
    ],
    [
      'with wrong types',
      'POST',
      requests,
      { body: { ...later(1), graceDays: '7' } },
      400,
      'invalid_request',
      /body.graceDays must be of type number/,
    ],
    ['with nothing in it', 'POST', requests, { body: {} }, 400, 'invalid_request', /body.tenantId/],
    ['that is a list', 'POST', requests, { body: [] }, 400, 'invalid_request', /must be of type object/],
    ['that is no JSON', 'POST', requests, { raw: '{"tenantId":' }, 400, 'invalid_request', /not valid JSON/],
    [
      'of another media type',
      'POST',
      requests,
      { raw: '<a/>', headers: { 'content-type': 'text/xml' } },
      415,
      'invalid_request',
      /application\/json/,
    ],
    [
      'that is too large',
      'POST',
      requests,
      { announced: 3_000_000 },
      413,
      'invalid_request',
      /smaller parts/,
    ],
    [
      'without its key',
      'POST',
      requests,
      { body: later(1), headers: { 'idempotency-key': '' } },
      400,
      'invalid_request',
      /Send an Idempotency-Key/,
    ],
    [
      'without a credential',
      'POST',
      requests,
      { body: later(1), token: null },
      401,
      'unauthenticated',
      /Send "Authorization: Bearer/,
    ],
    [
      'with an unknown credential',
      'GET',
      requests,
      { token: 'nobody' },
      401,
      'unauthenticated',
      /is not known/,
    ],
    [
      'with an expired credential',
      'GET',
      requests,
      { token: 'expired-token' },
      401,
      'unauthenticated',
      /has expired; ask for a new one/,
    ],
    [
      'for a tenant that is not the caller’s',
      'POST',
      requests,
      { body: later(1), token: 'globex-token' },
      404,
      'unknown_tenant',
      /names no tenant of your credential/,
    ],
    [
      'for a tenant nobody heard of, by a caller of every tenant,',
      'POST',
      requests,
      { body: { ...later(1), tenantId: 'acne' } },
      404,
      'unknown_tenant',
      /Check its spelling, or have it listed in LETHE_TENANTS/,
    ],
    [
      'to preview a person of a tenant nobody heard of',
      'POST',
      '/v1/previews',
      { body: { tenantId: 'acne', identifiers: later(1).identifiers } },
      404,
      'unknown_tenant',
      /Check its spelling/,
    ],
    [
      'for a list with a cursor of its own',
      'GET',
      `${requests}?cursor=${Buffer.from('[1,"\\u0000"]').toString('base64url')}`,
      {},
      400,
      'invalid_request',
      /Start again without it/,
    ],
    [
      'for a verification with a cursor of its own',
      'GET',
      `/v1/verification?cursor=${Buffer.from('{"requestId":"\\u0000","systemId":"x"}').toString('base64url')}`,
      {},
      400,
      'invalid_request',
      /Start again without it/,
    ],
    [
      'for a system whose name is none',
      'GET',
      `${requests}?systemId=%00`,
      {},
      400,
      'invalid_request',
      /query.systemId is the name of a system/,
    ],
    ['for what is not there', 'GET', '/v1/nothing', {}, 404, 'not_found', /./],
    ['by a method that is not there', 'DELETE', requests, {}, 405, 'invalid_request', /Use GET or POST here/],
    ['for no request', 'GET', `${requests}/${randomUUID()}`, {}, 404, 'not_found', /Check the id/],
    [
      'for a command there is none of',
      'POST',
      `${requests}/${randomUUID()}/erase`,
      { body: {} },
      404,
      'not_found',
      /Use one of approve/,
    ],
    [
      'for clearance by an officer',
      'POST',
      '/v1/clearance',
      {
        body: {
          systemId: 'cache',
          purpose: 'erase',
          passes: [{ requestId: randomUUID(), passId: 'p', attempt: 1 }],
        },
      },
      403,
      'forbidden',
      /Only a credential of this very system with the role eraser/,
    ],
  ])('%s is told what to do', async (_title, method, path, options, status, code, says) => {
    const headers = { 'idempotency-key': randomUUID(), ...options.headers }
    expectProblem(await stand.http.call(method, path, { ...options, headers }), status, code, says)
  })

  it('for a person who is being erased already names the request to follow', async () => {
    const { http } = stand
    const first = await http.create(later(2))
    const second = await http.create(askFor(customer(2), ['email']))
    expectProblem(second, 409, 'duplicate_request', /Follow that one, or cancel it first/)
    expect(second.body?.duplicateOf).toBe(first.body?.requestId)
    const key = randomUUID()
    await http.create(later(3), key)
    expectProblem(await http.create(later(4), key), 409, 'duplicate_request', /a key of its own/)
  })

  it('for another tenant’s request is answered as if there were none', async () => {
    const { http } = stand
    const { requestId } = (await http.create(later(5))).body ?? {}
    const token = 'globex-token'
    const unknown = await http.call('GET', `${requests}/${randomUUID()}`, { token })
    for (const end of ['', '/events', '/verification']) {
      const answer = await http.call('GET', `${requests}/${requestId}${end}`, { token })
      expectProblem(answer, 404, 'not_found', /Check the id/)
      expect(answer.text).toBe(unknown.text)
    }
    for (const verb of ['approve', 'cancel', 'hold', 'release', 'retry', 'refuse']) {
      const body =
        { retry: { systemId: 'cache' }, refuse: { ground: '17(3)(b)', citation: 'law' } }[verb] ?? {}
      const answer = await http.call('POST', `${requests}/${requestId}/${verb}`, { body, token })
      expectProblem(answer, 404, 'not_found', /Check the id/)
    }
    const list = await http.call('GET', `${requests}?tenantId=acme`, { token })
    expect(list.body).toEqual({ items: [], nextCursor: null })
  })

  it('of a second command on a finished request changes nothing', async () => {
    const { http, chain } = stand
    const { requestId } = (await http.create(later(6))).body ?? {}
    expect((await http.command(requestId, 'cancel')).body?.status).toBe('CANCELLED')
    const { version } = await chain.client().get(String(requestId))
    const commands: [verb: string, body: object, says: RegExp][] = [
      ['approve', {}, /CANCELLED cannot be/],
      ['hold', {}, /CANCELLED has nothing left to hold/],
      ['extend', {}, /CANCELLED cannot be/],
      ['retry', { systemId: 'cache' }, /CANCELLED cannot be/],
      ['refuse', { ground: '17(3)(b)', citation: 'law' }, /CANCELLED cannot be/],
    ]
    for (const [verb, body, says] of commands)
      expectProblem(await http.command(requestId, verb, body), 409, 'illegal_transition', says)
    // Nothing is held, so there is nothing to release: that is no failure, and no event.
    expect((await http.command(requestId, 'release')).status).toBe(200)
    // The same command again is what a caller who got no answer sends.
    expect([200, 409]).toContain((await http.command(requestId, 'cancel')).status)
    expect((await chain.client().get(String(requestId))).version).toBe(version)
  })

  it('finds the queue full, is told when to come back, and is accepted then, once', async () => {
    const { http } = stand
    const keys = Array.from({ length: 300 }, () => randomUUID())
    const ask = (key: string) =>
      http.create(askFor({ ...customer(0), userId: `nobody-${key}` }, ['user_id']), key)
    const first = await Promise.all(keys.map(ask))
    const refused = first.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(first.filter(({ status }) => status === 201).length).toBeGreaterThan(0)
    expect(refused.length + first.filter(({ status }) => status === 201).length).toBe(keys.length)
    for (const answer of refused) {
      expectProblem(answer, 429, 'queue_full', /Send again in 1 s with the same Idempotency-Key/)
      expect(answer.headers['retry-after']).toBe('1')
    }
    const again = new Map<string, unknown>()
    for (const key of keys) again.set(key, (await ask(key)).body?.requestId)
    expect(new Set(again.values()).size).toBe(keys.length)
    first.forEach(({ status, body }, at) => {
      if (status === 201) expect(again.get(keys[at] as string)).toBe(body?.requestId)
    })
  })
})

describe('any body at all', () => {
  it('is accepted, or refused with a code, and never repeated nor a failure of ours', async () => {
    const { http } = stand
    const { requestId } = (await http.create(later(7))).body ?? {}
    const marked = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `#canary#${text}`)
    const anything = fc.anything({
      key: marked,
      values: [marked, fc.double(), fc.constant(null), fc.boolean()],
      maxDepth: 3,
    })
    const identifier = fc.record({
      type: fc.oneof(fc.constantFrom('user_id', 'email', 'phone', 'vendor:stripe'), anything),
      value: fc.oneof(marked, anything),
    })
    const nearly = fc.record(
      {
        tenantId: fc.oneof(fc.constant('acme'), anything),
        identifiers: fc.oneof(fc.array(identifier, { maxLength: 3 }), anything),
        graceDays: fc.oneof(fc.integer(), anything),
        regime: anything,
        reason: anything,
        holdId: anything,
        systemId: anything,
        newDueAt: fc.oneof(fc.double(), anything),
        purpose: anything,
        passes: anything,
      },
      { requiredKeys: [] },
    )
    const paths = [
      requests,
      '/v1/previews',
      '/v1/people/requests',
      '/v1/people/where',
      '/v1/clearance',
      ...[
        'approve',
        'extend',
        'release',
        'retry',
        'reprobe',
        'take',
        'attest',
        'evidence',
        'refuse',
        'hold',
      ].map((verb) => `${requests}/${requestId}/${verb}`),
    ]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.oneof(nearly, anything), async (path, body) => {
        const raw =
          JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? 'null'
        const answer = await http.call('POST', path, { raw, headers: { 'idempotency-key': randomUUID() } })
        expect(answer.status, answer.text).toBeLessThan(500)
        expect(answer.text).not.toContain('#canary#')
        if (answer.status >= 400) expect(answer.body?.code, answer.text).toMatch(/^[a-z_]+$/)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a bad message', () => {
  it('with a hostile identifier is rejected under its intake key, and erases nobody', async () => {
    const { chain } = stand
    const { at, secrets } = chain.context
    const unchanged = await othersUntouched(chain, [])
    const seen = new Map<string, string>()
    const stop = await followStatus(
      { kafka: kafka(), registryUrl: at.registryUrl, group: `spec.${randomUUID()}` },
      ({ intakeKey, status, problemCode }) => {
        if (intakeKey) seen.set(intakeKey, `${status} ${problemCode}`)
      },
    )
    const token = secrets.token('shop-backend')
    const intake = await LetheIntake.connect({
      kafka: kafka(),
      registryUrl: at.registryUrl,
      token,
      key: await chain.client().intakeKey(),
    })
    try {
      const keys = await Promise.all(
        hostileValues.flatMap((value) =>
          (['user_id', 'email'] as const).map((type) =>
            intake.publish({ ...askFor(addresses.plain, []), identifiers: [{ type, value }] }, randomUUID()),
          ),
        ),
      )
      const bare = hostileValues.map((value) => intake.publish(value as never, randomUUID()))
      const all = [...keys, ...(await Promise.all(bare))]
      await until(
        'an answer to each',
        async () => seen,
        () => all.every((key) => seen.has(key)),
      )
      expect(new Set(keys.map((key) => seen.get(key)))).toEqual(new Set(['rejected invalid_identifier']))
      const large = 'x'.repeat(2_000_000)
      await expect(
        intake.publish({ ...askFor(addresses.plain, []), ground: large }, randomUUID()),
      ).rejects.toMatchObject({ code: 'publish_failed' })
    } finally {
      await intake.close()
      await stop()
    }
    expect(await unchanged()).toBe(true)
  })

  it('of an unknown schema, cut off, or of no schema at all lies in the dead letters with its code', async () => {
    const { chain, http } = stand
    const codec = await openCodec()
    const key = await chain.client().intakeKey()
    const value: wire.ErasureIntake = {
      intakeKey: 'k',
      jwe: encryptFor(key, '{"token":1}'),
      sentAt: Date.now(),
    }
    const good = codec.encode('erasure.intake', 'ErasureIntake', value)
    const unknown = Buffer.from(good)
    unknown.writeInt32BE(0x7ffffff0, 1)
    const bad = {
      unknown,
      cut: good.subarray(0, good.length - 20),
      header: good.subarray(0, 4),
      text: Buffer.from('{"tenantId":"acme"}'),
      empty: Buffer.alloc(0),
      large: Buffer.concat([good.subarray(0, 5), Buffer.alloc(900_000, 0x41)]),
      forged: good,
    }
    const topics = [
      'erasure.intake',
      'erasure.requested',
      'erasure.probe.requested',
      'erasure.acknowledged',
    ] as const
    const ids = new Map(
      topics.flatMap((topic) =>
        Object.keys(bad).map((name) => [randomUUID() as string, `${topic} ${name}`] as const),
      ),
    )
    const producer = new MessageProducer({ kafka: kafka() })
    try {
      for (const [id, what] of ids) {
        const [topic, name] = what.split(' ') as [string, keyof typeof bad]
        await producer.sendRaw([
          {
            topic,
            key: null,
            value: bad[name],
            headers: { ce_id: id, ce_type: 'ErasureIntake', systems: ',shop-pg,cache,' },
          },
        ])
      }
    } finally {
      await producer.disconnect()
    }
    const letters = await until(
      'every letter',
      () => listDeadLetters(kafka()),
      (seen) => [...ids.keys()].every((id) => seen.some(({ ceId }) => ceId === id)),
    )
    const codes = new Map(letters.map(({ ceId, code, topic }) => [ids.get(ceId ?? ''), { code, topic }]))
    for (const topic of topics) {
      expect(codes.get(`${topic} unknown`)?.code).toBe('schema_unknown')
      for (const name of ['cut', 'header', 'text', 'empty', 'large'])
        expect(codes.get(`${topic} ${name}`)?.code, name).toBe('undecodable')
    }
    expect(codes.get('erasure.intake forged')?.code).toBe('intake_payload_invalid')
    const { out } = await run('packages/cli/bin/lethe.mjs', ['dlq', 'list'], {
      LETHE_KAFKA: kafka().brokers.join(','),
      LETHE_TOPIC_PREFIX: kafka().topicPrefix,
    })
    expect(out).toMatch(/^schema_unknown: .*Register the schema/m)
    expect(out).toMatch(/^undecodable: .*Find who writes to the topic/m)
    // Everyone behind them is served.
    const { requestId } = (await http.create(askFor(customer(8), ['email']))).body ?? {}
    expect((await untilStatus(chain.client(), String(requestId), ['COMPLETED', 'FAILED'])).status).toBe(
      'COMPLETED',
    )
  })
})
