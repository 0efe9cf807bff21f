import { deadLetterTopic } from './config.js'
import { describeError } from './errors.js'
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

/**
 * The record for `<topic>.<group>.dlq`. The bytes are copied only when they could be decoded, so
 * that nothing unknown spreads; the origin is always named. No error text: only code and class.
 */
export function deadLetter(
  group: string,
  item: Quarantined,
  error: Error,
  attempts: Attempts,
  now: number,
): RawOutgoing {
  const { code, errorClass } = describeError(error)
  return {
    topic: deadLetterTopic(item.topic, group),
    key: item.key,
    value: item.raw,
    headers: {
      ...keptHeaders(item.headers),
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
