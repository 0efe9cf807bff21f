import type { TopicName } from '@lethe/schemas'
import type { KafkaRecord } from './client/port.js'
import { deadLetterTopic, type KafkaConfig, physicalTopic } from './config.js'
import { DLQ, keptHeaders, REDRIVE_GROUP, REDRIVES } from './dead-letter.js'
import {
  type DeadLetter,
  type DeadLetterSelection,
  type StoredLetter,
  storedLetters,
} from './dead-letter-list.js'
import { countHeader, readHeaders } from './headers.js'
import { MessageProducer, type RawOutgoing } from './producer.js'
import { bounds, scan } from './scan.js'

export interface RedriveOptions {
  readonly kafka: KafkaConfig
  readonly selection: DeadLetterSelection
  /** Only says what would be sent. */
  readonly dryRun: boolean
  /** Messages per second; default 100. */
  readonly rate?: number
}

export interface RedriveResult {
  readonly selected: readonly DeadLetter[]
  readonly redriven: number
  /** Neither the origin nor a copy exists any more. */
  readonly gone: readonly DeadLetter[]
}

const SEND_EVERY_MS = 100

/**
 * Sends dead letters to their topic again, for their group only: other groups skip them by header.
 * The bytes come from the origin by offset, else from the dead letter's copy: a topic that was made anew has other
 * messages at the same offsets, which `ce_id` tells. It stays, the attempt is counted up. A crash in between sends again what was not noted yet: at least once.
 */
export async function redrive(options: RedriveOptions): Promise<RedriveResult> {
  const { kafka, selection, dryRun, rate = 100 } = options
  if (!(rate > 0)) throw new RangeError('rate must be above zero messages per second')
  const stored = await storedLetters(kafka, selection)
  const origins = await readOrigins(kafka, stored)
  const selected = stored.map(({ letter }) => letter)
  const gone = stored
    .filter((one) => !origins.has(keyOf(one.letter)) && !one.copy)
    .map(({ letter }) => letter)
  if (dryRun) return { selected, redriven: 0, gone }
  const sendable = stored.filter(({ letter }) => !gone.includes(letter))
  const producer = new MessageProducer({ kafka })
  try {
    await sendSlowly(producer, sendable, origins, rate)
  } finally {
    await producer.disconnect()
  }
  return { selected, redriven: sendable.length, gone }
}

async function sendSlowly(
  producer: MessageProducer,
  letters: readonly StoredLetter[],
  origins: ReadonlyMap<string, KafkaRecord>,
  rate: number,
): Promise<void> {
  const started = performance.now()
  const chunk = Math.max(1, Math.floor((rate * SEND_EVERY_MS) / 1000))
  for (let from = 0; from < letters.length; from += chunk) {
    const early = started + (from / rate) * 1000 - performance.now()
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    const part = letters.slice(from, from + chunk)
    await producer.sendRaw(part.map((one) => again(one, origins.get(keyOf(one.letter)))))
    await producer.sendRaw(part.map(({ letter }) => note(letter)))
  }
}

function again({ letter, copy, headers }: StoredLetter, origin: KafkaRecord | undefined): RawOutgoing {
  const source = origin ? readHeaders(origin.headers) : headers
  return {
    topic: letter.topic,
    key: origin ? (origin.key?.toString('utf8') ?? null) : letter.key,
    value: origin ? origin.value : copy,
    headers: {
      ...keptHeaders(source),
      attempt: String(Math.max(1, countHeader(source, 'attempt')) + 1),
      [REDRIVES]: String(letter.redrives + 1),
      [REDRIVE_GROUP]: letter.group,
    },
  }
}

/** Beside the dead letter: it was sent again. */
function note(letter: DeadLetter): RawOutgoing {
  return {
    topic: deadLetterTopic(letter.topic, letter.group),
    key: letter.key,
    value: null,
    headers: {
      [DLQ.redriven]: 'true',
      [DLQ.topic]: letter.topic,
      [DLQ.partition]: String(letter.partition),
      [DLQ.offset]: letter.offset,
      [DLQ.group]: letter.group,
    },
  }
}

async function readOrigins(
  kafka: KafkaConfig,
  stored: readonly StoredLetter[],
): Promise<Map<string, KafkaRecord>> {
  const found = new Map<string, KafkaRecord>()
  for (const topic of new Set(stored.map(({ letter }) => letter.topic))) {
    const letters = stored.map(({ letter }) => letter).filter((letter) => letter.topic === topic)
    const wanted = await wantedOffsets(kafka, topic, letters)
    const expected = new Set(letters.map((letter) => sameAs(letter, letter.ceId)))
    await scan(kafka, physicalTopic(kafka, topic), wanted, (partition, message) => {
      const origin = { topic, partition, offset: message.offset }
      const ceId = readHeaders(message.headers)['ce_id'] ?? null
      if (expected.has(sameAs(origin, ceId))) found.set(keyOf(origin), message)
    })
  }
  return found
}

/** Offsets that retention has taken meanwhile are left out. */
async function wantedOffsets(kafka: KafkaConfig, topic: TopicName, letters: readonly DeadLetter[]) {
  const kept = await bounds(kafka, physicalTopic(kafka, topic))
  const wanted = new Map<number, { from: bigint; to: bigint; only: bigint[] }>()
  for (const [partition, { low, high }] of kept) {
    const only = letters
      .filter((letter) => letter.partition === partition)
      .map(({ offset }) => BigInt(offset))
      .filter((offset) => offset >= low && offset < high)
      .sort((a, b) => (a < b ? -1 : 1))
    const [first] = only
    const last = only.at(-1)
    if (first !== undefined && last !== undefined) wanted.set(partition, { from: first, to: last + 1n, only })
  }
  return wanted
}

const sameAs = (origin: Pick<DeadLetter, 'topic' | 'partition' | 'offset'>, ceId: string | null): string =>
  JSON.stringify([keyOf(origin), ceId])

function keyOf({ topic, partition, offset }: Pick<DeadLetter, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`
}
