import type { TopicName, wire } from '@lethe/schemas'
import { v7 as uuid } from 'uuid'
import type { Queryable } from '../projections/projection.js'
import { traceparentOf } from './traceparent.js'

/** Turns a message into the bytes that go on the topic. */
export type Encode = (topic: string, type: string, value: unknown) => Promise<Buffer> | Buffer

/** Any message of the schemas, on its way to the outbox; what the domain publishes is one, too. */
export type OutboxMessage = {
  readonly [Type in wire.Message['type']]: {
    readonly topic: TopicName
    readonly key: string
    readonly type: Type
    readonly value: Extract<wire.Message, { type: Type }>['data']
    readonly headers: { readonly systems?: string }
  }
}[wire.Message['type']]

/** A message ready to be written; Debezium publishes it byte by byte. */
export interface OutboxRow {
  /** Equal on every publication of the message; the header `ce_id`. */
  readonly ceId: string
  readonly topic: string
  readonly key: string
  readonly type: string
  readonly payload: Buffer
  readonly systems: string | null
  readonly traceparent: string
  /** Epoch milliseconds. */
  readonly ceTime: number
}

export interface OutboxOptions {
  readonly encode: Encode
  /** Put before the name of every topic, for stacks that share a broker. */
  readonly topicPrefix: string
  /** Trace context of the running transaction for one request, or null. */
  readonly traceparent: (requestId: string | null) => string | null
}

export async function outboxRow(
  publication: OutboxMessage,
  ceTime: number,
  { encode, topicPrefix, traceparent }: OutboxOptions,
): Promise<OutboxRow> {
  const requestId = requestOf(publication.value)
  return {
    ceId: uuid(),
    topic: topicPrefix + publication.topic,
    key: publication.key,
    type: publication.type,
    payload: await encode(publication.topic, publication.type, publication.value),
    systems: publication.headers.systems ?? null,
    traceparent: traceparent(requestId) ?? traceparentOf(requestId),
    ceTime,
  }
}

function requestOf(value: OutboxMessage['value']): string | null {
  return 'requestId' in value ? value.requestId : null
}

/** Writes the rows in one statement, in the order given. */
export async function writeOutbox(client: Queryable, rows: readonly OutboxRow[]): Promise<void> {
  if (rows.length === 0) return
  await client.query({
    name: 'lethe_write_outbox',
    text: `INSERT INTO outbox.message (id, ce_id, aggregatetype, aggregateid, type, payload, systems, traceparent, ce_time)
     SELECT id, id, topic, key, type, payload, systems, traceparent, ce_time
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::bigint[])
       WITH ORDINALITY AS given (id, topic, key, type, payload, systems, traceparent, ce_time, ordinal)
     ORDER BY ordinal`,
    values: [
      rows.map(({ ceId }) => ceId),
      rows.map(({ topic }) => topic),
      rows.map(({ key }) => key),
      rows.map(({ type }) => type),
      rows.map(({ payload }) => payload),
      rows.map(({ systems }) => systems),
      rows.map(({ traceparent }) => traceparent),
      rows.map(({ ceTime }) => ceTime),
    ],
  })
}
