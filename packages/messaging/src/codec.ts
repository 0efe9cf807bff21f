import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { messagesSchemas, type TopicName, topics, type wire } from '@lethe/schemas'
import { RetryableError, TerminalError } from '@lethe/service-host'
import avro from 'avsc'
import { deadlineMiddleware, endOf, type RegistryDeadline, reasonOf } from './registry-deadline.js'

type MessageName = wire.Message['type']
/** A message with the name of its Avro record. */
export interface Decoded {
  readonly type: string
  readonly value: unknown
}
interface Writer {
  readonly id: number
  readonly type: avro.Type
}
interface Place {
  readonly url: string
  readonly deadline: RegistryDeadline
}
interface Reader {
  readonly name: string
  read(payload: Buffer): unknown
}

const MAGIC = 0
const HEADER_BYTES = 5
/** How long an id the registry did not know is believed to stay unknown. */
const UNKNOWN_FOR_MS = 30_000
const UNKNOWN_MAX = 1_000
const ANSWER_WITHIN_MS = 15_000

/** What `MessageCodec.connect` may be told. */
export interface CodecOptions {
  /** Registers every message under FULL_TRANSITIVE; otherwise only ids are looked up. */
  readonly register: boolean
  /** Topics this process may write to; default all. */
  readonly topics?: readonly TopicName[]
  /** How often a request to the registry is repeated; default 5. */
  readonly retries?: number
  /** Basic credentials of the registry. */
  readonly auth?: { readonly username: string; readonly password: string }
  /** Milliseconds one call to the registry may take, its repetitions included; default 15,000. */
  readonly answerWithinMs?: number
  /** Ends `connect`, and every later call: its reason is thrown. */
  readonly signal?: AbortSignal
}

/**
 * Avro in the Confluent wire format: a zero byte, the schema id in four bytes, the record. Subjects
 * follow TopicRecordNameStrategy, `<topic>-<Record>`, with the topic's name without prefix.
 * Encoding is synchronous after `connect`; decoding asks the registry once per schema id.
 * See https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/
 */
export class MessageCodec {
  private readonly writers = new Map<string, Writer>()
  private readonly readers = new Map<number, Reader>()
  private readonly unknownUntil = new Map<number, number>()

  private constructor(private readonly registry: SchemaRegistry) {}

  /**
   * Throws TerminalError `schema_unknown` when a schema is not registered and may not be, and RetryableError
   * `registry_unavailable` when the registry refuses, is away, or does not answer in time.
   */
  static async connect(registryUrl: string, options: CodecOptions): Promise<MessageCodec> {
    const { signal, answerWithinMs: withinMs = ANSWER_WITHIN_MS } = options
    const deadline = { withinMs, ...(signal ? { signal } : {}) }
    const registry = new SchemaRegistry({
      host: registryUrl,
      clientId: 'lethe',
      retry: { retries: options.retries ?? 5, initialRetryTimeInSecs: 0.2, maxRetryTimeInSecs: 5 },
      middlewares: [deadlineMiddleware(deadline)],
      ...(options.auth ? { auth: options.auth } : {}),
    })
    const codec = new MessageCodec(registry)
    for (const topic of options.topics ?? (Object.keys(topics) as TopicName[]))
      for (const name of topics[topic].messages)
        await codec.prepare({ url: registryUrl, deadline }, topic, name, options)
    return codec
  }

  /** The bytes of one message. Throws TerminalError naming the fields that do not fit, never values. */
  encode(topic: TopicName, type: string, value: unknown): Buffer {
    const writer = this.writers.get(subject(topic, type))
    if (!writer) throw new TerminalError('schema_unknown', `${type} is not a message of ${topic}`)
    const payload = toBytes(writer.type, type, value)
    const buffer = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
    buffer.writeUInt8(MAGIC, 0)
    buffer.writeInt32BE(writer.id, 1)
    payload.copy(buffer, HEADER_BYTES)
    return buffer
  }

  /**
   * Reads one message in the shape of today's schema, whatever version wrote it. Throws
   * TerminalError `undecodable` or `schema_unknown`, and RetryableError `registry_unavailable`.
   */
  async decode(buffer: Buffer | null): Promise<Decoded> {
    return this.decodeCached(buffer) ?? this.decodeAsking(buffer as Buffer)
  }

  /** As `decode`, at once; undefined when the schema has to be fetched first. */
  decodeCached(buffer: Buffer | null): Decoded | undefined {
    const id = schemaId(buffer)
    const reader = this.readers.get(id)
    return reader && { type: reader.name, value: read(reader, buffer as Buffer) }
  }

  private async decodeAsking(buffer: Buffer): Promise<Decoded> {
    const reader = await this.fetchReader(schemaId(buffer))
    return { type: reader.name, value: read(reader, buffer) }
  }

  private async fetchReader(id: number): Promise<Reader> {
    if ((this.unknownUntil.get(id) ?? 0) > Date.now()) throw unknownSchema(id)
    const writer = await this.fetchWriter(id)
    const reader = readerOf(writer, id)
    this.readers.set(id, reader)
    return reader
  }

  private async fetchWriter(id: number): Promise<avro.Type> {
    try {
      return (await this.registry.getSchema(id)) as unknown as avro.Type
    } catch (error) {
      if (error instanceof RetryableError) throw error
      if (statusOf(error) !== 404)
        throw new RetryableError('registry_unavailable', `the registry did not answer for schema ${id}`, {
          cause: error,
        })
      if (this.unknownUntil.size >= UNKNOWN_MAX) this.unknownUntil.clear()
      this.unknownUntil.set(id, Date.now() + UNKNOWN_FOR_MS)
      throw unknownSchema(id, error)
    }
  }

  private async prepare(at: Place, topic: TopicName, name: string, options: CodecOptions): Promise<void> {
    const { schema } = messagesSchemas[name as MessageName]
    const type = avro.Type.forSchema(mutable(schema))
    const document = { type: SchemaType.AVRO, schema: JSON.stringify(schema) } as const
    const name_ = subject(topic, name)
    const id = options.register
      ? await register(this.registry, at, name_, document, options.auth)
      : await lookUp(this.registry, at, name_, document)
    this.writers.set(name_, { id, type })
    this.readers.set(id, { name, read: (payload) => type.fromBuffer(payload) })
  }
}

const subject = (topic: string, type: string) => `${topic}-${type}`

async function register(
  registry: SchemaRegistry,
  { url, deadline }: Place,
  name: string,
  document: { type: SchemaType.AVRO; schema: string },
  auth: CodecOptions['auth'],
): Promise<number> {
  // Set before the first version exists, so that no incompatible second one can slip in between.
  const answer = await fetch(`${url}/config/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/vnd.schemaregistry.v1+json',
      ...(auth
        ? { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` }
        : {}),
    },
    body: JSON.stringify({ compatibility: COMPATIBILITY.FULL_TRANSITIVE }),
    signal: endOf(deadline),
  }).catch((cause: unknown) => {
    if (deadline.signal?.aborted || isEnded(cause)) throw reasonOf(deadline)
    throw new RetryableError('registry_unavailable', 'the schema registry does not answer', { cause })
  })
  if (!answer.ok)
    throw new RetryableError('registry_unavailable', `${name}: compatibility refused with ${answer.status}`)
  try {
    const options = { subject: name, compatibility: COMPATIBILITY.FULL_TRANSITIVE }
    return (await registry.register(document, options)).id
  } catch (cause) {
    if (deadline.signal?.aborted || cause instanceof RetryableError) throw cause
    if (statusOf(cause) === 409)
      throw new TerminalError('schema_incompatible', `${name} breaks FULL_TRANSITIVE`, { cause })
    throw new RetryableError('registry_unavailable', `${name} could not be registered`, { cause })
  }
}

async function lookUp(
  registry: SchemaRegistry,
  { deadline }: Place,
  name: string,
  document: { type: SchemaType.AVRO; schema: string },
): Promise<number> {
  try {
    return await registry.getRegistryIdBySchema(name, document)
  } catch (error) {
    if (deadline.signal?.aborted || error instanceof RetryableError) throw error
    if (statusOf(error) === undefined || statusOf(error) === 404)
      throw new TerminalError('schema_unknown', `${name} is not registered; start request first`, {
        cause: error,
      })
    throw new RetryableError('registry_unavailable', `${name} could not be looked up`, { cause: error })
  }
}

/** The id of a message's schema, after the magic byte was checked. */
function schemaId(buffer: Buffer | null): number {
  if (buffer === null) throw new TerminalError('undecodable', 'the record has no value')
  if (buffer.length < HEADER_BYTES)
    throw new TerminalError('undecodable', `${buffer.length} bytes are too few for a message`)
  if (buffer.readUInt8(0) !== MAGIC)
    throw new TerminalError('undecodable', 'the first byte is not the magic byte of the wire format')
  return buffer.readInt32BE(1)
}

/** Resolves what was written to today's schema of the same record. */
function readerOf(writer: avro.Type, id: number): Reader {
  const name = (writer.name ?? '').split('.').at(-1) ?? ''
  const known = Object.hasOwn(messagesSchemas, name) ? messagesSchemas[name as MessageName] : undefined
  if (!known) throw new TerminalError('schema_unknown', `schema ${id} is not a message of this version`)
  const today = avro.Type.forSchema(mutable(known.schema))
  try {
    const resolver = today.createResolver(avro.Type.forSchema(writer.schema() as avro.Schema))
    return { name, read: (payload) => today.fromBuffer(payload, resolver) }
  } catch (error) {
    throw new TerminalError('schema_unknown', `schema ${id} can not be read as today's ${name}`, {
      cause: error,
    })
  }
}

/** avsc's errors quote the bytes they met, so only their kind is kept. */
function read(reader: Reader, buffer: Buffer): unknown {
  try {
    return reader.read(buffer.subarray(HEADER_BYTES))
  } catch {
    throw new TerminalError('undecodable', `the bytes are not a whole ${reader.name}`)
  }
}

function toBytes(type: avro.Type, name: string, value: unknown): Buffer {
  try {
    return type.toBuffer(value)
  } catch {
    const wrong: string[] = []
    type.isValid(value, { errorHook: (path) => wrong.push(path.join('.')) })
    throw new TerminalError(
      'unencodable',
      `${name} does not fit its schema at ${wrong.join(', ') || '(root)'}`,
    )
  }
}

/** avsc's types want mutable schemas; it does not change them. */
function mutable(schema: unknown): avro.Schema {
  return schema as avro.Schema
}

function unknownSchema(id: number, cause?: unknown): TerminalError {
  return new TerminalError('schema_unknown', `the registry does not know schema ${id}`, { cause })
}

/** `fetch` rejects so when its signal ends it. */
const isEnded = (error: unknown) =>
  error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')

function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | undefined)?.status
  return typeof status === 'number' ? status : undefined
}
