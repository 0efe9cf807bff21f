// The topics and their messages as an AsyncAPI 3 document, built from the Avro schemas.
import { type TopicName, topics } from '../src/topics.ts'

interface NamedSchema {
  readonly name?: string
  readonly doc?: string
}

/** Who publishes and who consumes each topic, as design.md lists them. */
const parties: Record<TopicName, { readonly from: string; readonly to: string }> = {
  'erasure.intake': { from: 'other services', to: 'request' },
  'erasure.requested': { from: 'outbox', to: 'every eraser' },
  'erasure.probe.requested': { from: 'outbox', to: 'every probe' },
  'erasure.acknowledged': { from: 'erasers and probes', to: 'aggregator' },
  'erasure.status': { from: 'outbox', to: 'anyone' },
  'erasure.tombstones': { from: 'outbox', to: 'restore, sentinel' },
  'restore.announced': { from: 'backup tooling or restore', to: 'restore' },
}

const headers = {
  type: 'object',
  properties: {
    ce_id: { type: 'string', description: 'Unique per message; the same when it is published again.' },
    ce_type: { type: 'string', description: 'Name of the Avro record.' },
    ce_time: { type: 'string', description: 'Epoch milliseconds.' },
    traceparent: { type: 'string', description: 'W3C trace context.' },
    attempt: { type: 'string' },
    systems: {
      type: 'string',
      description: 'Comma-wrapped system ids, so that others skip without decoding.',
    },
  },
}

/** Builds the document; `schemas` maps a record name to its newest Avro schema. */
export function asyncApi(schemas: Readonly<Record<string, NamedSchema>>): object {
  const channels: Record<string, object> = {}
  const operations: Record<string, object> = {}
  for (const [topic, definition] of Object.entries(topics)) {
    const id = topic.replaceAll('.', '_')
    const party = parties[topic as TopicName]
    channels[id] = {
      address: topic,
      description: `${party.from} → ${party.to}. Key: ${definition.key}.`,
      messages: Object.fromEntries(
        definition.messages.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
      ),
      bindings: {
        kafka: {
          partitions: definition.partitions,
          topicConfiguration: {
            'cleanup.policy': [definition.cleanup],
            'retention.ms': definition.retentionMs,
          },
        },
      },
    }
    operations[`receive_${id}`] = {
      action: 'receive',
      channel: { $ref: `#/channels/${id}` },
      summary: `Read by ${party.to}.`,
    }
    operations[`send_${id}`] = {
      action: 'send',
      channel: { $ref: `#/channels/${id}` },
      summary: `Written by ${party.from}.`,
    }
  }
  const messages = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      {
        name,
        summary: schema.doc,
        contentType: 'application/vnd.confluent.avro',
        headers,
        payload: { schemaFormat: 'application/vnd.apache.avro+json;version=1.9.0', schema },
      },
    ]),
  )
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Lethe',
      version: '0.1.0',
      description: 'Topics of Lethe. Avro in the Confluent wire format, FULL_TRANSITIVE, at least once.',
    },
    defaultContentType: 'application/vnd.confluent.avro',
    channels,
    operations,
    components: { messages },
  }
}
