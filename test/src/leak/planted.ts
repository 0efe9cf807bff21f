import { fileURLToPath } from 'node:url'
import { withClient } from '@lethe/infra'
import { createMissing, MessageProducer, type RawOutgoing, withAdmin } from '@lethe/messaging'
import { Caller } from '../harness/caller.js'
import type { Chain } from '../harness/chain.js'
import type { OtlpReceiver } from '../harness/otlp-receiver.js'
import { until } from '../harness/wait.js'
import type { CanaryPerson } from './canary.js'
import { failingConnector } from './connect.js'
import { demonstrateTalkative } from './demo.js'
import { talkativeProcess } from './processes.js'
import { plantInBrokersLog, plantInRegistry } from './servers.js'

/** Codecs by which a broker packs what its topic says, each with the library it ships. */
export const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const

/** Takes back what was planted. */
export type Undo = () => Promise<void> | void

export interface Planted {
  /** What a careless process answered. */
  readonly http: Caller
  /** What the demonstration printed of a service that shows a person in the place of a status. */
  readonly demo: string
}

/**
 * Puts an identifier where none may be, in every place the scan reads: what it finds shows that it can. The servers
 * are shared, so each is made to write it by itself; `later` is told how to take it back.
 */
export async function plant(
  chain: Chain,
  person: CanaryPerson,
  receiver: OtlpReceiver,
  later: (undo: Undo) => void,
): Promise<Planted> {
  await withClient(chain.letheUrl, async (client) => {
    await client.query('CREATE TABLE planted (text text, bytes bytea)')
    await client.query('INSERT INTO planted VALUES ($1, $2)', [person.email, Buffer.from(person.phone)])
    await client.query(`DO $$ BEGIN RAISE LOG 'a row of ${person.email}'; END $$`)
  })
  await Promise.all([
    plantMessages(chain, person, later),
    plantInBrokersLog(chain, person),
    plantInRegistry(chain, person).then(later),
    failingConnector(chain, person, later),
    talkativeProcess(person).then(later),
  ])
  const demo = await demonstrateTalkative(chain, person)
  return { http: await carelessProcess(chain, person, receiver), demo }
}

/** Puts a careless probe in the place of an honest one, and asks it something. */
async function carelessProcess(chain: Chain, person: CanaryPerson, receiver: OtlpReceiver): Promise<Caller> {
  const program = fileURLToPath(new URL('../../dist/leak/careless-probe.js', import.meta.url))
  const told = { CARELESS_EMAIL: person.email, CARELESS_USER: person.userId }
  await chain.exchange('probe-cache', program, told)
  const http = new Caller(`http://127.0.0.1:${chain.context.at.erasers.cache?.probe}`, 'none')
  await http.call('GET', '/v1/nothing')
  await until(
    'the trace of the careless process',
    async () => receiver.bodies.some((body) => body.includes(person.userId)),
    (seen) => seen,
  )
  return http
}

async function plantMessages(
  { context: { at }, topicPrefix }: Chain,
  person: CanaryPerson,
  later: (undo: Undo) => void,
): Promise<void> {
  const kafka = { brokers: at.brokers, clientId: 'lethe-test', topicPrefix }
  const named = (name: string, codec?: string) => ({
    topic: `${topicPrefix}${name}`,
    numPartitions: 1,
    ...(codec ? { configEntries: [{ name: 'compression.type', value: codec }] } : {}),
  })
  const packed = codecs.map((codec) => named(`packed-${codec}`, codec))
  await withAdmin(kafka, (admin) => createMissing(admin, [named('planted'), ...packed]))
  const added = [named('planted'), ...packed].map(({ topic }) => topic)
  later(() => withAdmin(kafka, (admin) => admin.deleteTopics(added)))
  const message = (topic: string): RawOutgoing => ({
    topic,
    key: person.userId,
    value: Buffer.from(person.email),
    headers: { by: person.stripe },
  })
  const many = codecs.flatMap((codec) => Array.from({ length: 50 }, () => message(`packed-${codec}`)))
  const producer = new MessageProducer({ kafka })
  try {
    await producer.sendRaw([
      message('planted'),
      message('erasure.requested.eraser.shop-pg.dlq'),
      message('erasure.status'),
      ...many,
    ])
  } finally {
    await producer.disconnect()
  }
}

/** A record batch of packed records; `codec` as the batch's attributes number it. */
export function packedBatch(codec: number, packed: Buffer): Buffer {
  const header = Buffer.alloc(61)
  header.writeInt32BE(61 - 12 + packed.length, 8)
  header.writeInt8(2, 16)
  header.writeInt16BE(codec, 21)
  return Buffer.concat([header, packed])
}
