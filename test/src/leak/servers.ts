import { createMissing, MessageProducer, withAdmin } from '@lethe/messaging'
import type { Chain } from '../harness/chain.js'
import type { CanaryPerson } from './canary.js'

/** Makes the broker write a name into its own log: it says which topic it refused a message for. */
export async function plantInBrokersLog({ context: { at }, topicPrefix }: Chain, person: CanaryPerson) {
  const kafka = { brokers: at.brokers, clientId: 'lethe-test', topicPrefix }
  const name = `refusing.${person.userId}`
  const topic = `${topicPrefix}${name}`
  const configEntries = [{ name: 'cleanup.policy', value: 'compact' }]
  await withAdmin(kafka, (admin) => createMissing(admin, [{ topic, numPartitions: 1, configEntries }]))
  const producer = new MessageProducer({ kafka })
  try {
    const sent = producer.sendRaw([{ topic: name, key: null, value: Buffer.from('x'), headers: {} }])
    const refused = await sent.then(
      () => false,
      () => true,
    )
    if (!refused) throw new Error('the broker took a message without a key for a compacted topic')
  } finally {
    await producer.disconnect()
    await withAdmin(kafka, (admin) => admin.deleteTopics([topic]))
  }
}

/**
 * Registers a schema named after a person, which the registry writes into its files and its log. Removed by the
 * returned function.
 */
export async function plantInRegistry(
  { context: { at } }: Chain,
  person: CanaryPerson,
): Promise<() => Promise<void>> {
  const url = `${at.registryUrl}/subjects/${encodeURIComponent(person.email)}`
  await answered(`${url}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: '"string"' }),
  })
  return async () => {
    await answered(url, { method: 'DELETE' })
    await answered(`${url}?permanent=true`, { method: 'DELETE' })
  }
}

async function answered(url: string, init: RequestInit): Promise<void> {
  const response = await fetch(url, init)
  if (!response.ok) throw new Error(`${init.method} ${url} answered ${response.status}`)
}
