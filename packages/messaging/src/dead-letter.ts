import { messagesSchemas } from '@lethe/schemas'
import { deadLetterTopic } from './config.js'
import { describeError, UnprovenError } from './errors.js'
import { countHeader } from './headers.js'
import type { Headers, Quarantined } from './incoming.js'
import type { Attempts } from './partition-memory.js'
import type { RawOutgoing } from './producer.js'

/** Header names of a dead letter. `redriven` marks the note that a letter was sent again. */
export const DLQ = {
  code: 'dlq-code',
  errorClass: 'dlq-class',
  topic: 'dlq-topic',
  partition: 'dlq-partition',
  offset: 'dlq-offset',
  attempts: 'dlq-attempts',
  firstSeen: 'dlq-first-seen',
  at: 'dlq-at',
  group: 'dlq-group',
  redriven: 'dlq-redriven',
} as const

/** A redriven message names the group it is for; every other group skips it. */
export const REDRIVE_GROUP = 'redrive-group'
/** How often a message was redriven. */
export const REDRIVES = 'redrives'

/** Only these headers of the source are kept: others may hold anything. */
const KEPT = ['ce_id', 'ce_type', 'ce_time', 'traceparent', 'attempt', 'systems', REDRIVES] as const

export function keptHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of KEPT) if (headers[name] !== undefined) kept[name] = headers[name]
  return kept
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Of a record nobody vouches for: its id and type, where they are what they should be, and nothing else. */
function harmlessHeaders({ ce_id, ce_type }: Headers): Record<string, string> {
  return {
    ...(ce_id !== undefined && UUID.test(ce_id) ? { ce_id } : {}),
    ...(ce_type !== undefined && Object.hasOwn(messagesSchemas, ce_type) ? { ce_type } : {}),
  }
}

/**
 * The record for `<topic>.<group>.dlq`. Bytes, key and headers are copied only when the message could be
 * decoded and is not known to be forged, so that nothing unknown spreads; the origin is always named, and a
 * redrive reads it there. No error text: only code and class.
 */
export function deadLetter(
  group: string,
  item: Quarantined,
  error: Error,
  attempts: Attempts,
  now: number,
): RawOutgoing {
  const { code, errorClass } = describeError(error)
  const copied = item.raw !== null && !(error instanceof UnprovenError)
  return {
    topic: deadLetterTopic(item.topic, group),
    key: copied ? item.key : null,
    value: copied ? item.raw : null,
    headers: {
      ...(copied ? keptHeaders(item.headers) : harmlessHeaders(item.headers)),
      [DLQ.code]: code,
      [DLQ.errorClass]: errorClass,
      [DLQ.topic]: item.topic,
      [DLQ.partition]: String(item.partition),
      [DLQ.offset]: item.offset,
      [DLQ.attempts]: String(attempts.count),
      [DLQ.firstSeen]: String(attempts.firstSeen),
      [DLQ.at]: String(now),
      [DLQ.group]: group,
      [REDRIVES]: String(countHeader(item.headers, REDRIVES)),
    },
  }
}
