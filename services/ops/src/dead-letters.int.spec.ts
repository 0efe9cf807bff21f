import { randomUUID } from 'node:crypto'
import { endpoints, eventually } from '@lethe/infra'
import { KafkaBatchStrategy, MessageCodec, MessageProducer } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { TerminalError } from '@lethe/service-host'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { LetterView, RedriveView } from './application/dead-letter-work.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

const group = 'eraser.shop-pg'
const topic = 'erasure.requested'
let stand: Stand
let ops: Ops
let codec: MessageCodec
let producer: MessageProducer
let consumer: KafkaBatchStrategy
/** Requests the consumer fails for, until their cause is gone. */
const broken = new Set<string>()
const worked: string[] = []

beforeAll(async () => {
  stand = await Stand.open()
  ops = await stand.start()
  codec = await MessageCodec.connect(endpoints().registryUrl, { register: true })
  producer = new MessageProducer({ kafka: stand.kafka, codec })
  consumer = new KafkaBatchStrategy({
    kafka: { ...stand.kafka, clientId: 'spec-eraser' },
    group,
    codec,
    subscriptions: [{ topic, mode: 'keyed' }],
    tuning: { maxWaitMs: 50 },
    onFatal: (error) => {
      throw error
    },
  }).handle(topic, async (batch: readonly { value: wire.ErasureRequested }[]) => {
    for (const { value } of batch) {
      if (broken.has(value.requestId))
        throw new TerminalError('not_today', 'ada@example.com can not be erased')
      worked.push(value.requestId)
    }
  })
  await new Promise<void>((resolve, reject) => {
    void consumer.listen((error?: unknown) => (error ? reject(error) : resolve()))
  })
})

afterAll(async () => {
  await consumer?.close()
  await producer?.disconnect()
  await stand?.close()
})

type Item = LetterView & { readonly id: string }
type List = { items: Item[] }
const list = async () => (await ops.get<List>('/v1/dead-letters?maxAgeMs=0')).body.items

/** A message that is put aside; resolves to its letter once it is listed. */
async function poison(tenantId = 'shop'): Promise<{ requestId: string; letter: Item }> {
  const requestId = randomUUID()
  broken.add(requestId)
  const before = new Set((await list()).map(({ id }) => id))
  await producer.send([
    {
      topic,
      key: requestId,
      type: 'ErasureRequested',
      id: randomUUID(),
      value: {
        requestId,
        tenantId,
        subjectRef: `s-${requestId}`,
        mapVersion: 1,
        passes: [{ systemId: 'shop-pg', stepId: 'shop-pg#1', passId: 'shop-pg#1/initial', attempt: 1 }],
        requestedAt: 1_700_000_000_000,
      } satisfies wire.ErasureRequested,
    },
  ])
  return { requestId, letter: await listed(before) }
}

/** The letter that came since. */
async function listed(before: ReadonlySet<string>): Promise<Item> {
  let found: Item | undefined
  await eventually(
    async () => {
      found = (await list()).find(({ id }) => !before.has(id))
      return found !== undefined
    },
    { deadlineMs: 30_000, late: () => new Error('it was not put aside') },
  )
  return found as Item
}

const look = (id: string, token: string = tokens.operator) =>
  ops.get<LetterView>(`/v1/dead-letters/${group}/${id}`, token)
const redrive = (body: object, token: string = tokens.operator) =>
  ops.call<RedriveView>('/v1/dead-letters/redrive', {
    method: 'POST',
    token,
    body: { group, dryRun: false, ...body },
  })

describe('a dead letter', () => {
  it('is looked at with its headers and what it holds, by operators of its tenant only, and the look is audited', async () => {
    const { requestId, letter } = await poison()
    const seen = await look(letter.id)
    answers.deadLetter.parse(seen.body)
    expect(seen.body).toMatchObject({
      code: 'not_today',
      headers: { 'dlq-code': 'not_today', ce_type: 'ErasureRequested' },
      message: { type: 'ErasureRequested', value: { requestId, tenantId: 'shop' } },
      unread: null,
    })
    expect(JSON.stringify(seen.body)).not.toContain('ada@')
    expect((await look(letter.id, tokens.viewer)).status).toBe(403)
    expect((await look(letter.id, tokens.other)).status).toBe(404)
    expect((await look(`${topic}/0/999999`)).status).toBe(404)
    expect((await look(`${topic}/0/x`)).status).toBe(404)
    const { rows } = await stand.pool.query<{ credential_id: string }>(
      "SELECT credential_id FROM audit.actions WHERE action = 'look_into' AND outcome = 'asked' AND target = $1 ORDER BY id",
      [`${group} ${letter.id}`],
    )
    expect(rows.map(({ credential_id }) => credential_id)).toEqual(['operator', 'viewer', 'other-tenant'])
  })

  it('is sent again when its cause is gone, and put aside again with its count when it is not', async () => {
    const { requestId, letter } = await poison()
    const dry = await redrive({ ids: [letter.id], dryRun: true })
    answers.redriven.parse(dry.body)
    expect(dry.body).toMatchObject({ selected: [{ id: letter.id }], redriven: 0, quarantined: 0, left: 0 })
    expect(await list()).toContainEqual(expect.objectContaining({ id: letter.id }))

    const before = new Set((await list()).map(({ id }) => id))
    expect((await redrive({ ids: [letter.id] })).body).toMatchObject({ redriven: 1, gone: [] })
    const again = await listed(before)
    expect(again).toMatchObject({ redrives: 1, code: 'not_today' })
    expect((await look(letter.id)).status).toBe(404)

    broken.delete(requestId)
    expect((await redrive({ ids: [again.id] })).body.redriven).toBe(1)
    await eventually(async () => worked.includes(requestId), {
      deadlineMs: 30_000,
      late: () => new Error('it was not worked on'),
    })
    const { rows } = await stand.pool.query<{ outcome: string }>(
      'SELECT outcome FROM audit.actions WHERE target = $1 ORDER BY id',
      [`${group} ${again.id}`],
    )
    expect(rows).toEqual([{ outcome: 'sending' }])
  })

  it('of another tenant, or for a viewer, is not sent; nor is anything when one that is named is not there', async () => {
    const { letter } = await poison()
    const foreign = await poison('other')
    expect((await redrive({ ids: [letter.id] }, tokens.viewer)).status).toBe(403)
    expect((await redrive({ ids: [letter.id, foreign.letter.id] })).status).toBe(404)
    expect((await redrive({ ids: [letter.id, letter.id, `${topic}/0/99999`] })).status).toBe(404)
    const others = await redrive({ dryRun: true }, tokens.other)
    expect(others.body.selected.map(({ id }) => id)).toEqual([foreign.letter.id])
    expect((await list()).map(({ id }) => id)).toEqual(expect.arrayContaining([letter.id, foreign.letter.id]))
    expect((await redrive({ ids: ['what'] })).status).toBe(400)
    expect((await redrive({ rate: 0 })).status).toBe(400)
  })

  it('that failed again after three redrives is left alone by all but its name', async () => {
    let { letter } = await poison()
    for (let n = 0; n < 3; n++) {
      const before = new Set((await list()).map(({ id }) => id))
      await redrive({ ids: [letter.id] })
      letter = await listed(before)
    }
    expect(letter.redrives).toBe(3)
    const all = await redrive({ dryRun: true })
    expect(all.body.quarantined).toBe(1)
    expect(all.body.selected.map(({ id }) => id)).not.toContain(letter.id)
    expect((await redrive({ ids: [letter.id], dryRun: true })).body.selected).toHaveLength(1)
  })

  it('that can not be decoded, or is forged, is not shown, and only for who has all tenants', async () => {
    const before = new Set((await list()).map(({ id }) => id))
    await producer.sendRaw([
      { topic, key: 'k', value: Buffer.from('ada@example.com in raw bytes'), headers: { note: '<script>' } },
    ])
    const letter = await listed(before)
    expect((await look(letter.id)).status).toBe(404)
    const seen = await look(letter.id, tokens.all)
    expect(seen.body).toMatchObject({ code: 'undecodable', message: null, unread: 'no_copy' })
    expect(JSON.stringify(seen.body)).not.toMatch(/ada@|script/)
    const sent = await redrive({ ids: [letter.id] }, tokens.all)
    expect(sent.body.redriven).toBe(1)
  })
})
