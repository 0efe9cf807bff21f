import { withClient } from '@lethe/infra'
import { MessageProducer } from '@lethe/messaging'
import type { Chain } from '../harness/chain.js'
import { until } from '../harness/wait.js'
import type { CanaryPerson } from './canary.js'
import type { Piece } from './places.js'

/** Everything Kafka Connect tells of its connectors: a failed task shows its trace, and traces quote data. */
export async function connectAnswers({ context: { at } }: Chain): Promise<Piece[]> {
  const names = (await (await fetch(`${at.connectUrl}/connectors`)).json()) as string[]
  const ways = names.flatMap((name) =>
    ['config', 'status', 'tasks', 'topics', 'offsets'].map((way) => `/connectors/${name}/${way}`),
  )
  return Promise.all(
    ['/connectors?expand=status&expand=info', ...ways].map(async (path): Promise<Piece> => {
      const response = await fetch(`${at.connectUrl}${path}`)
      return { place: 'connect', name: path, bytes: Buffer.from(await response.text()) }
    }),
  )
}

const PLANTED = 'lethe-planted-connector'

/**
 * A connector that names a person in its configuration and fails on their row, with the value in its trace. Expects
 * the table `planted`; `later` is told how to remove it.
 */
export async function failingConnector(
  chain: Chain,
  person: CanaryPerson,
  later: (undo: () => Promise<void>) => void,
): Promise<void> {
  const { at } = chain.context
  const suffix = chain.topicPrefix.slice(1, -1)
  const own = await fetch(`${at.connectUrl}/connectors/lethe-outbox-${suffix}/config`)
  const config = (await own.json()) as Record<string, string>
  const kept = Object.entries(config).filter(([key]) => !/^(transforms|predicates|heartbeat)/.test(key))
  const name = `${PLANTED}-${suffix}`
  const slot = name.replaceAll('-', '_')
  await withClient(chain.letheUrl, (client) =>
    client.query('GRANT USAGE ON SCHEMA public TO lethe_connect; GRANT SELECT ON planted TO lethe_connect'),
  )
  const url = `${at.connectUrl}/connectors/${name}`
  const put = await fetch(`${url}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...Object.fromEntries(kept),
      name,
      'slot.name': slot,
      'topic.prefix': name,
      'table.include.list': 'public.planted',
      'snapshot.mode': 'initial',
      'errors.max.retries': '0',
      'publication.autocreate.mode': 'disabled',
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
      transforms: 'flat,cast',
      'transforms.flat.type': 'io.debezium.transforms.ExtractNewRecordState',
      'transforms.cast.type': 'org.apache.kafka.connect.transforms.Cast$Value',
      'transforms.cast.spec': 'text:int32',
      'note.of.nobody': person.stripe,
    }),
  })
  if (!put.ok) throw new Error(`Kafka Connect answered HTTP ${put.status} ${await put.text()}`)
  later(() => removeConnector(chain, name, slot, person))
  await until(
    'the failure of the planted connector',
    async () => (await fetch(`${url}/status`)).text(),
    (status) => status.includes('FAILED'),
  )
  await writeOffset(chain, name, person, Buffer.from('{}'))
}

async function removeConnector(
  chain: Chain,
  name: string,
  slot: string,
  person: CanaryPerson,
): Promise<void> {
  await fetch(`${chain.context.at.connectUrl}/connectors/${name}`, { method: 'DELETE' })
  await writeOffset(chain, name, person, null)
  await withClient(chain.letheUrl, (client) =>
    until(
      'the planted slot to be gone',
      async () => {
        await client.query(
          'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active',
          [slot],
        )
        return client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [slot])
      },
      ({ rowCount }) => rowCount === 0,
    ),
  )
}

/** As a connector whose source is called after a person would leave it; null takes it back. */
async function writeOffset(
  { context: { at } }: Chain,
  name: string,
  person: CanaryPerson,
  value: Buffer | null,
): Promise<void> {
  const producer = new MessageProducer({
    kafka: { brokers: at.brokers, clientId: 'lethe-test', topicPrefix: '' },
  })
  try {
    const key = JSON.stringify([name, { server: person.userId }])
    await producer.sendRaw([{ topic: 'connect-offsets', key, value, headers: {} }])
  } finally {
    await producer.disconnect()
  }
}
