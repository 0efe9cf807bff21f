import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { withClient } from '@lethe/infra'
import { createMissing, MessageProducer, type RawOutgoing, withAdmin } from '@lethe/messaging'
import { line } from '../demo/print.js'
import { Caller } from '../harness/caller.js'
import type { Chain } from '../harness/chain.js'
import { spanSaying } from '../harness/otlp-receiver.js'
import type { CanaryPerson } from './canary.js'
import { failingConnector } from './connect.js'
import { printedBy } from './demo.js'
import { talkativeProcess } from './processes.js'
import { plantInBrokersLog, plantInRegistry } from './servers.js'

/** Codecs by which a broker packs what its topic says, each with the library it ships. */
export const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const

/** Takes back what was planted. */
export type Undo = () => Promise<void> | void

export interface Planted {
  /** A service that shows an identifier in its metrics and in its answers. */
  readonly metricsUrl: string
  readonly http: Caller
  readonly demo: string
}

/**
 * Puts an identifier where none may be, in every place the scan reads: what it finds shows that it can. The servers
 * are shared, so each is made to write it by itself; `later` is told how to take it back.
 */
export async function plant(
  chain: Chain,
  person: CanaryPerson,
  otlpUrl: string,
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
    spanSaying(otlpUrl, person.email),
  ])
  writeFileSync(chain.context.state.file('logs', 'planted.log'), `{"msg":"row of ${person.email}"}\n`)
  const demo = await printedBy(async () => line(person.email))
  const server = await talkative(person)
  later(() => void server.close())
  const { port } = server.address() as AddressInfo
  const http = new Caller(`http://127.0.0.1:${port}`, 'none')
  await http.call('GET', '/v1/nothing')
  return { metricsUrl: `http://127.0.0.1:${port}/metrics`, http, demo }
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

function talkative(person: CanaryPerson): Promise<Server> {
  const server = createServer(({ url }, response) =>
    url === '/metrics'
      ? response.end(`erased_total{email="${person.email}"} 1\n`)
      : response.writeHead(404, { location: `/${person.userId}` }).end(`{"detail":"no ${person.email}"}`),
  )
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

/** A record batch of packed records; `codec` as the batch's attributes number it. */
export function packedBatch(codec: number, packed: Buffer): Buffer {
  const header = Buffer.alloc(61)
  header.writeInt32BE(61 - 12 + packed.length, 8)
  header.writeInt8(2, 16)
  header.writeInt16BE(codec, 21)
  return Buffer.concat([header, packed])
}
