import type { TopicName } from '@lethe/schemas'
import { TerminalError } from '@lethe/service-host'
import type { KafkaRecord } from './client/port.js'
import type { MessageCodec } from './codec.js'
import { REDRIVE_GROUP } from './dead-letter.js'
import type { Work } from './dispatch.js'
import { readHeaders } from './headers.js'
import type { Headers, Incoming, Quarantined, Subscription } from './incoming.js'

/** A record that was read, or as much of it as could be read. */
export type Fetched =
  | { readonly read: true; readonly incoming: Incoming }
  | { readonly read: false; readonly rest: Quarantined }

/**
 * Filters by headers, then decodes. What can not be decoded becomes unreadable work. Throws
 * RetryableError `registry_unavailable` when the registry has to be asked and does not answer: then
 * nothing is wrong with the records.
 */
export async function readBatch(
  messages: readonly KafkaRecord[],
  at: { topic: TopicName; partition: number; group: string },
  subscription: Subscription,
  codec: MessageCodec,
): Promise<{ works: Work<Fetched>[]; skipped: number }> {
  const works: Work<Fetched>[] = []
  let skipped = 0
  for (const message of messages) {
    const headers = readHeaders(message.headers)
    const wanted = isWanted(headers, at.group, subscription)
    if (wanted === false) skipped++
    else works.push(await readOne(message, headers, at, codec, wanted === true ? undefined : wanted))
  }
  return { works, skipped }
}

/** An error instead of an answer when the filter itself failed. */
function isWanted(headers: Headers, group: string, subscription: Subscription): boolean | Error {
  const redriveFor = headers[REDRIVE_GROUP]
  if (redriveFor !== undefined && redriveFor !== group) return false
  try {
    return subscription.filter?.(headers) ?? true
  } catch (cause) {
    return new TerminalError('filter_failed', 'the header filter threw', { cause })
  }
}

async function readOne(
  message: KafkaRecord,
  headers: Headers,
  at: { topic: TopicName; partition: number },
  codec: MessageCodec,
  refused: Error | undefined,
): Promise<Work<Fetched>> {
  const key = message.key?.toString('utf8') ?? null
  const { offset } = message
  const known = {
    topic: at.topic,
    partition: at.partition,
    offset,
    key,
    headers,
    timestamp: Number(message.timestamp),
  }
  const unreadable = (error: Error): Work<Fetched> => ({
    offset: BigInt(offset),
    key,
    item: { read: false, rest: { ...known, type: null, value: null, raw: null } },
    unreadable: error,
  })
  if (refused) return unreadable(refused)
  try {
    const decoded = codec.decodeCached(message.value) ?? (await codec.decode(message.value))
    const incoming = { ...known, ...decoded, raw: message.value as Buffer }
    return { offset: BigInt(offset), key, item: { read: true, incoming } }
  } catch (error) {
    if (error instanceof TerminalError) return unreadable(error)
    throw error
  }
}

/** The form a record has in quarantine. */
export function quarantined(record: Fetched): Quarantined {
  return record.read ? record.incoming : record.rest
}
