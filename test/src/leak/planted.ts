import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { withClient } from '@lethe/infra'
import { MessageProducer, withAdmin } from '@lethe/messaging'
import type { Chain } from '../harness/chain.js'
import { spanSaying } from '../harness/otlp-receiver.js'
import type { CanaryPerson } from './canary.js'

export interface Planted {
  /** A service that shows an identifier in its metrics. */
  readonly metricsUrl: string
  close(): void
}

/** Puts an identifier where none may be, in every place the scan reads: what it finds shows that it can. */
export async function plant(chain: Chain, person: CanaryPerson, otlpUrl: string): Promise<Planted> {
  await withClient(chain.letheUrl, async (client) => {
    await client.query('CREATE TABLE planted (text text, bytes bytea)')
    await client.query('INSERT INTO planted VALUES ($1, $2)', [person.email, Buffer.from(person.phone)])
  })
  await plantMessage(chain, person)
  writeFileSync(chain.context.state.file('logs', 'planted.log'), `{"msg":"row of ${person.email}"}\n`)
  await spanSaying(otlpUrl, person.email)
  const server = await badMetrics(person)
  const { port } = server.address() as AddressInfo
  return { metricsUrl: `http://127.0.0.1:${port}/metrics`, close: () => server.close() }
}

async function plantMessage({ context: { at }, topicPrefix }: Chain, person: CanaryPerson): Promise<void> {
  const kafka = { brokers: at.brokers, clientId: 'lethe-test', topicPrefix }
  await withAdmin(kafka, (admin) =>
    admin.createTopics({
      topics: [{ topic: `${topicPrefix}planted`, numPartitions: 1 }],
      waitForLeaders: true,
    }),
  )
  const producer = new MessageProducer({ kafka })
  try {
    await producer.sendRaw([
      {
        topic: 'planted',
        key: person.userId,
        value: Buffer.from(person.email),
        headers: { by: person.stripe },
      },
    ])
  } finally {
    await producer.disconnect()
  }
}

function badMetrics(person: CanaryPerson): Promise<Server> {
  const server = createServer((_, response) => response.end(`erased_total{email="${person.email}"} 1\n`))
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
