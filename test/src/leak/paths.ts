import { randomUUID } from 'node:crypto'
import { LetheIntake } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { MessageCodec, MessageProducer, type RawOutgoing } from '@lethe/messaging'
import { Caller } from '../harness/caller.js'
import type { Chain } from '../harness/chain.js'
import { encryptFor } from '../harness/jwe.js'
import { until } from '../harness/wait.js'
import { askFor, type Canary, type CanaryPerson, personOf } from './canary.js'

/** Everything of one walk, so that a path can use what another left. */
export interface Walk {
  readonly chain: Chain
  readonly canary: Canary
  readonly http: Caller
}

export const settled = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'REFUSED', 'CANCELLED', 'ON_HOLD']

export function walkOf(chain: Chain, canary: Canary): Walk {
  const { at, secrets } = chain.context
  return { chain, canary, http: new Caller(at.requestUrl, secrets.token('privacy-officer')) }
}

export const person = ({ canary }: Walk, name: string): CanaryPerson => personOf(canary, name)

/** Erasures that succeed, asked for over HTTP and by message, under keys that name the person. */
export async function askInBothWays(walk: Walk): Promise<string[]> {
  const { chain, http } = walk
  const byHttp = person(walk, 'http')
  const created = await http.create(askFor(byHttp, ['email', 'phone']), `key-${byHttp.email}`)
  const { at, secrets } = chain.context
  const intake = await LetheIntake.connect({
    kafka: { brokers: at.brokers, clientId: 'lethe-test', topicPrefix: chain.topicPrefix },
    registryUrl: at.registryUrl,
    token: secrets.token('shop-backend'),
    key: await chain.client().intakeKey(),
  })
  const known = new Set((await chain.client().list()).items.map(({ requestId }) => requestId))
  try {
    const byMessage = person(walk, 'intake')
    await intake.publish(askFor(byMessage, ['email', 'user_id']), `key-${byMessage.email}`)
    // Refused messages are answered on erasure.status; their answers are read with the topic.
    await intake.publish(askFor(byMessage, ['email'], { regime: byMessage.email }), `bad-${byMessage.email}`)
    await intake.publish(
      { ...askFor(byMessage, ['email']), [byMessage.email]: 1 } as never,
      `worse-${byMessage.email}`,
    )
  } finally {
    await intake.close()
  }
  const items = await until(
    'the published request',
    async () => (await chain.client().list()).items.filter(({ requestId }) => !known.has(requestId)),
    (seen) => seen.length > 0,
  )
  return [String(created.body?.requestId), ...items.map(({ requestId }) => requestId)]
}

/** Preview, duplicate, ambiguous, invalid, every command, with the person's identifiers wherever text goes. */
export async function askInVain(walk: Walk): Promise<void> {
  const { http } = walk
  const one = person(walk, 'held')
  const two = person(walk, 'other')
  const later = { graceDays: 7 }
  const identifiers = askFor(one, ['email']).identifiers
  await http.call('POST', '/v1/previews', { body: { tenantId: one.tenantId, identifiers } })
  await http.call('POST', '/v1/people/requests', { body: { tenantId: one.tenantId, identifiers } })
  const both = [...identifiers, ...askFor(two, ['user_id']).identifiers]
  await http.call('POST', '/v1/previews', { body: { tenantId: one.tenantId, identifiers: both } })
  const { body } = await http.create(askFor(one, ['email', 'vendor:stripe'], later), one.email)
  await http.create(askFor(one, ['user_id']))
  await http.create(askFor(two, ['user_id']), one.email)
  await http.command(body?.requestId, 'hold', { reason: `A court asks for ${one.email}, ${one.phone}.` })
  await http.command(body?.requestId, 'extend', { reason: `${one.email} was ill.` })
  await http.command(body?.requestId, 'release', { holdId: one.email })
  await http.command(body?.requestId, 'retry', { systemId: one.email })
  await http.command(body?.requestId, one.email, {})
  const ambiguous = await http.create({ ...askFor(one, ['email'], later), identifiers: both })
  await http.command(ambiguous.body?.requestId, 'approve', {
    identifiers: [{ type: 'email', value: `${one.email}*` }],
  })
  await http.command(ambiguous.body?.requestId, 'approve', {
    identifiers: askFor(two, ['user_id']).identifiers,
  })
  const refused = await http.create(askFor(person(walk, 'refused'), ['email'], later))
  await http.command(refused.body?.requestId, 'refuse', { ground: one.email, citation: `see ${one.email}` })
  await http.command(refused.body?.requestId, 'refuse', { ground: '17(3)(e)', citation: `see ${one.email}` })
  await http.create(askFor(one, ['email'], { ground: one.email }))
  await http.create(askFor(one, ['email'], { tenantId: one.email } as never))
  await http.create(askFor(one, ['email'], { identity: { method: one.email } }))
  await http.create({
    ...askFor(one, []),
    identifiers: [{ type: `vendor:${walk.canary.word}`, value: one.email }],
  })
  for (const value of [`${one.email}*`, `*${one.userId}`, `${one.userId}\0`, `${one.email}`.repeat(20)])
    for (const type of ['email', 'user_id', 'phone', one.email])
      await http.create({ ...askFor(one, []), identifiers: [{ type, value }] })
}

/** Wrong tokens, unknown addresses, bodies that are none, at every process's door. */
export async function knockEverywhere(walk: Walk): Promise<Caller[]> {
  const { at } = walk.chain.context
  const { email, userId } = person(walk, 'http')
  const ports = Object.values(at.erasers).flatMap(({ erase, probe }) => [erase, probe])
  const bases = [at.requestUrl, at.aggregatorUrl, ...ports.map((port) => `http://127.0.0.1:${port}`)]
  const encoded = encodeURIComponent(email)
  return Promise.all(
    bases.map(async (base) => {
      const http = new Caller(base, `token-of-${userId}`)
      const traced = { traceparent: email, 'x-request-id': email, 'user-agent': email, cookie: `id=${email}` }
      const body = { subjects: [{ subjectRef: email, tenantId: email, identifiers: email }] }
      for (const path of [
        '/v1/resolve',
        '/v1/preview',
        '/v1/erasure-requests',
        '/v1/clearance',
        `/v1/${encoded}`,
        `/${encoded}?e=${encoded}`,
      ])
        for (const method of ['GET', 'POST'])
          await http.call(method, path, { ...(method === 'POST' ? { body } : {}), headers: traced })
      await http.call('POST', `/%${userId}`, { raw: `{"${email}":` })
      await http.call('POST', '/v1/erasure-requests', {
        raw: `{"${email}":`,
        headers: { 'content-type': email },
      })
      await http.call('POST', '/v1/erasure-requests', { raw: `"${email.repeat(10_000)}"` })
      return http
    }),
  )
}

/** What a caller with a good token gets wrong. */
export async function askNonsense({ http, ...walk }: Walk): Promise<void> {
  const { email } = personOf(walk.canary, 'http')
  const encoded = encodeURIComponent(email)
  await http.call('GET', `/v1/erasure-requests?status=${encoded}&cursor=${encoded}&${encoded}=1`)
  await http.call('GET', `/v1/erasure-requests?cursor=${encoded}`)
  await http.call('GET', `/v1/erasure-requests?tenantId=${encoded}&systemId=${encoded}`)
  await http.call('GET', `/v1/verification?requestId=${encoded}&result=${encoded}`)
  for (const end of ['', '/events', '/verification'])
    await http.call('GET', `/v1/erasure-requests/${encoded}${end}`)
  await http.call('GET', `/v1/data-maps/${encoded}/systems/${encoded}`)
  await http.call('POST', '/v1/erasure-requests', {
    raw: `{"tenantId":"acme","${email}"`,
    headers: { 'idempotency-key': email },
  })
  await http.call('POST', '/v1/erasure-requests', {
    body: {},
    headers: { 'idempotency-key': `${email} ${email}` },
  })
  await http.call('POST', '/v1/erasure-requests', {
    raw: JSON.stringify(email.repeat(20_000)),
    headers: { 'idempotency-key': email },
  })
  await http.call('POST', '/v1/clearance', { body: { systemId: email, purpose: email, passes: email } })
}

/** Lethe's database refuses what a request writes. */
export async function breakTheDatabase(walk: Walk): Promise<void> {
  const { chain, http } = walk
  await withClient(chain.letheUrl, (client) =>
    client.query(`ALTER TABLE vault.digests ADD CONSTRAINT broken CHECK (digest = 'never') NOT VALID`),
  )
  try {
    await http.create(
      askFor(person(walk, 'unlucky'), ['email', 'phone']),
      `key-${person(walk, 'unlucky').email}`,
    )
  } finally {
    await withClient(chain.letheUrl, (client) =>
      client.query('ALTER TABLE vault.digests DROP CONSTRAINT broken'),
    )
  }
}

/** Topics that a hostile or broken producer writes to, and the groups that will read it. */
const poisoned = {
  'erasure.requested': ['eraser.shop-pg', 'eraser.cache', 'request.outbox'],
  'erasure.probe.requested': ['probe.shop-pg', 'probe.cache', 'request.outbox'],
  'erasure.acknowledged': ['aggregator'],
  'erasure.intake': ['request.intake'],
  'erasure.status': ['request.outbox'],
} as const

/**
 * Messages whose bytes, keys and headers hold the canary: no Avro, Avro of an unknown schema, and well-formed
 * messages that are forged. @returns the dead-letter topics they must end up in.
 */
export async function poison(walk: Walk, codec: MessageCodec): Promise<string[]> {
  const { at } = walk.chain.context
  const { email, userId } = person(walk, 'poison')
  const kafka = { brokers: at.brokers, clientId: 'lethe-test', topicPrefix: walk.chain.topicPrefix }
  const headers = {
    ce_id: email,
    ce_type: email,
    ce_time: email,
    traceparent: email,
    attempt: email,
    systems: `,shop-pg,cache,${email},`,
    [email]: email,
  }
  const unknownSchema = Buffer.concat([Buffer.from([0, 0x7f, 0xff, 0xff, 0xf0]), Buffer.from(email)])
  const bytes = [Buffer.from(`{"email":"${email}"}`), unknownSchema, Buffer.from(email, 'utf16le')]
  const junk = Object.keys(poisoned).flatMap((topic) =>
    bytes.map((value): RawOutgoing => ({ topic, key: userId, value, headers })),
  )
  const jwe = encryptFor(await walk.chain.client().intakeKey(), JSON.stringify({ [email]: email }))
  const producer = new MessageProducer({ kafka })
  try {
    await producer.sendRaw([...junk, ...forged(codec, email, headers, jwe)])
  } finally {
    await producer.disconnect()
  }
  return Object.entries(poisoned).flatMap(([topic, groups]) => groups.map((group) => `${topic}.${group}.dlq`))
}

function forged(
  codec: MessageCodec,
  email: string,
  headers: Record<string, string>,
  jwe: string,
): RawOutgoing[] {
  const intake = { intakeKey: email, jwe: email, sentAt: Date.now() }
  const probe = {
    reportId: email,
    requestId: randomUUID(),
    tenantId: email,
    subjectRef: email,
    systemId: 'shop-pg',
    passId: email,
    probeKind: email,
    checkedAt: Date.now(),
    position: email,
    residual: {},
    nextCheckAt: null,
    result: 'clean',
    reasonCode: email,
    connectorVersion: email,
    mac: email,
  }
  const encoded = (
    topic: 'erasure.intake' | 'erasure.acknowledged',
    type: string,
    value: unknown,
  ): RawOutgoing => ({
    topic,
    key: email,
    value: codec.encode(topic, type, value),
    headers: { ...headers, ce_type: type },
  })
  return [
    encoded('erasure.intake', 'ErasureIntake', intake),
    encoded('erasure.intake', 'ErasureIntake', { ...intake, jwe }),
    encoded('erasure.acknowledged', 'ProbeReported', probe),
  ]
}
