import type { RecordsBatch } from '@platformatic/kafka'
import type { FetchedBatch, KafkaRecord, RecordHeaders } from '../port.js'

const IS_CONTROL = 0b100000
/** The broker stamped the records, not their producer. */
const IS_LOG_APPEND_TIME = 0b1000

/** Records of one partition from `from` on; what the log holds before it, in the same stored batch, is left out. */
export class PlatformaticBatch implements FetchedBatch {
  readonly messages: readonly KafkaRecord[]

  private constructor(
    readonly topic: string,
    readonly partition: number,
    /** The offset that was asked for. */
    readonly from: bigint,
    /** The offset after the last record, or after what stood there before compaction. */
    readonly next: bigint,
    messages: readonly KafkaRecord[],
  ) {
    this.messages = messages
  }

  /** null when nothing lies at or after `from`. */
  static read(
    topic: string,
    partition: number,
    from: bigint,
    stored: readonly RecordsBatch[],
  ): PlatformaticBatch | null {
    const messages: KafkaRecord[] = []
    let next = from
    for (const batch of stored) {
      const end = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
      if (end > next) next = end
      if ((batch.attributes & IS_CONTROL) !== 0) continue
      const appended = (batch.attributes & IS_LOG_APPEND_TIME) !== 0
      for (const { key, value, headers, offsetDelta, timestampDelta } of batch.records) {
        const offset = batch.firstOffset + BigInt(offsetDelta)
        if (offset < from) continue
        const timestamp = appended ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta
        messages.push({
          key,
          value,
          headers: named(headers),
          offset: String(offset),
          timestamp: String(timestamp),
        })
      }
    }
    return next === from ? null : new PlatformaticBatch(topic, partition, from, next, messages)
  }

  firstOffset(): string | null {
    return this.messages[0]?.offset ?? null
  }

  lastOffset(): string {
    return String(this.next - 1n)
  }
}

/** The last value of a repeated header counts. */
function named(headers: readonly [Buffer | null, Buffer | null][]): RecordHeaders {
  const found: Record<string, Buffer | null> = {}
  for (const [name, value] of headers) if (name) found[name.toString('utf8')] = value
  return found
}
