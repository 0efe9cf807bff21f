import { type TopicName, topics } from '@lethe/schemas'
import type { KafkaRecord } from './client/port.js'
import { deadLetterTopic, type KafkaConfig, physicalTopic } from './config.js'
import { DLQ, REDRIVES } from './dead-letter.js'
import { countHeader, readHeaders } from './headers.js'
import { bounds, scan } from './scan.js'
import { withAdmin } from './topic-administration.js'

/** One quarantined message, by reference to where it came from. */
export interface DeadLetter {
  /** `<topic>/<partition>/<offset>` of the origin; unique within a group. */
  readonly id: string
  readonly group: string
  readonly topic: TopicName
  readonly partition: number
  readonly offset: string
  readonly key: string | null
  readonly type: string | null
  readonly ceId: string | null
  readonly code: string
  readonly errorClass: string
  readonly attempts: number
  /** How often this message had been redriven when it came here. */
  readonly redrives: number
  /** Epoch milliseconds. */
  readonly firstSeen: number
  readonly at: number
  /** Sent again since it came here. */
  readonly redriven: boolean
}

/** Which dead letters; every given part must fit. */
export interface DeadLetterSelection {
  readonly group?: string
  readonly topic?: TopicName
  readonly code?: string
  readonly ids?: readonly string[]
  /** Also those that were already redriven; default false. */
  readonly includeRedriven?: boolean
}

/** A dead letter and the copy of its bytes, where one was made. */
export interface StoredLetter {
  readonly letter: DeadLetter
  readonly copy: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

/** Every dead letter that fits, oldest first. A letter stored twice, after a crash, is listed once. */
export async function listDeadLetters(
  kafka: KafkaConfig,
  selection: DeadLetterSelection = {},
): Promise<DeadLetter[]> {
  return (await storedLetters(kafka, selection)).map(({ letter }) => letter)
}

/** As `listDeadLetters`, with what a redrive needs. */
export async function storedLetters(
  kafka: KafkaConfig,
  selection: DeadLetterSelection,
): Promise<StoredLetter[]> {
  const found: StoredLetter[] = []
  for (const { topic, group } of await deadLetterTopics(kafka, selection)) {
    const letters = await readLetters(kafka, physicalTopic(kafka, deadLetterTopic(topic, group)))
    found.push(...letters.filter((stored) => fits(stored.letter, selection)))
  }
  return found.sort((a, b) => a.letter.at - b.letter.at)
}

async function readLetters(kafka: KafkaConfig, topic: string): Promise<StoredLetter[]> {
  const letters = new Map<string, StoredLetter>()
  const wanted = new Map(
    [...(await bounds(kafka, topic))].map(([partition, { low, high }]) => [
      partition,
      { from: low, to: high },
    ]),
  )
  await scan(kafka, topic, wanted, (_, message) => {
    const stored = parse(message)
    if (!stored) return
    const known = letters.get(stored.letter.id)
    if (!stored.letter.redriven) letters.set(stored.letter.id, stored)
    else if (known) letters.set(stored.letter.id, { ...known, letter: { ...known.letter, redriven: true } })
  })
  return [...letters.values()]
}

/** undefined for a record that is no dead letter of this version. */
function parse(message: KafkaRecord): StoredLetter | undefined {
  const headers = readHeaders(message.headers)
  const topic = headers[DLQ.topic]
  const offset = headers[DLQ.offset]
  const group = headers[DLQ.group]
  if (!topic || !offset || !group || !Object.hasOwn(topics, topic)) return undefined
  const partition = countHeader(headers, DLQ.partition)
  const letter: DeadLetter = {
    id: `${topic}/${partition}/${offset}`,
    group,
    topic: topic as TopicName,
    partition,
    offset,
    key: message.key?.toString('utf8') ?? null,
    type: headers['ce_type'] ?? null,
    ceId: headers['ce_id'] ?? null,
    code: headers[DLQ.code] ?? 'unknown',
    errorClass: headers[DLQ.errorClass] ?? 'unknown',
    attempts: countHeader(headers, DLQ.attempts),
    redrives: countHeader(headers, REDRIVES),
    firstSeen: countHeader(headers, DLQ.firstSeen),
    at: countHeader(headers, DLQ.at),
    redriven: headers[DLQ.redriven] !== undefined,
  }
  return { letter, copy: message.value, headers }
}

function fits(letter: DeadLetter, { code, ids, includeRedriven = false }: DeadLetterSelection): boolean {
  if (letter.redriven && !includeRedriven) return false
  return (code === undefined || letter.code === code) && (ids === undefined || ids.includes(letter.id))
}

/** The dead-letter topics of this deployment that fit, from their names. */
async function deadLetterTopics(
  kafka: KafkaConfig,
  selection: DeadLetterSelection,
): Promise<{ topic: TopicName; group: string }[]> {
  const names = await withAdmin(kafka, (admin) => admin.listTopics())
  const found: { topic: TopicName; group: string }[] = []
  for (const topic of Object.keys(topics) as TopicName[])
    for (const name of names) {
      const start = `${physicalTopic(kafka, topic)}.`
      if (!name.startsWith(start) || !name.endsWith('.dlq')) continue
      const group = name.slice(start.length, -'.dlq'.length)
      if (selection.group !== undefined && selection.group !== group) continue
      if (selection.topic === undefined || selection.topic === topic) found.push({ topic, group })
    }
  return found
}
