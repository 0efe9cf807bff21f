import { messagesSchemas } from '@lethe/schemas'
import { ConfigError } from '@lethe/service-host'
import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageCodec } from './codec.js'
import { kafkaConfigFromEnvironment } from './config.js'
import { countHeader, readHeaders } from './headers.js'

const marked = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `#canary#${text}`)

describe('headers of any content', () => {
  it('become text, and a count is a whole number or 0', { timeout: 60_000 }, () => {
    const value = fc.oneof(
      marked,
      fc.uint8Array().map(Buffer.from),
      fc.constant(undefined),
      fc.double().map(String),
    )
    const headers = fc.dictionary(
      fc.string(),
      fc.oneof(value, fc.array(fc.oneof(marked, fc.uint8Array().map(Buffer.from)))),
    )
    fc.assert(
      fc.property(headers, fc.string(), (given, name) => {
        const read = readHeaders(given)
        for (const text of Object.values(read)) expect(typeof text).toBe('string')
        const count = countHeader(read, name)
        expect(Number.isSafeInteger(count) && count >= 0).toBe(true)
      }),
    )
  })
})

describe('bytes that nobody of ours wrote', () => {
  it('are undecodable before any registry is asked, and are not repeated', { timeout: 60_000 }, async () => {
    const codec = new (MessageCodec as unknown as new (registry: object) => MessageCodec)({
      getSchema: async () => {
        throw Object.assign(new Error('no such schema'), { status: 404 })
      },
    })
    const bytes = fc.oneof(
      fc.constant(null),
      fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw)),
      marked.map((text) => Buffer.from(text)),
      marked.map((text) => Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), Buffer.from(text)])),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (value) => {
        const error = await codec.decode(value).then(
          () => new Error('it was decoded'),
          (cause: Error & { code?: string }) => cause,
        )
        expect((error as { code?: string }).code).toMatch(/^(undecodable|schema_unknown)$/)
        expect(String(error)).not.toContain('#canary#')
      }),
    )
  })
})

describe('bytes of a message of ours', () => {
  const { schema } = messagesSchemas.ErasureIntake
  const type = avro.Type.forSchema(JSON.parse(JSON.stringify(schema)))
  const codec = new (MessageCodec as unknown as new (registry: object) => MessageCodec)({
    getSchema: async () => type,
  })
  const whole = (jwe: string) =>
    Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), type.toBuffer({ intakeKey: 'k', jwe, sentAt: 1 })])
  const read = (bytes: Buffer) =>
    codec.decode(bytes).then(
      ({ value }) => ({ value, code: null }),
      (error: Error & { code?: string }) => ({ code: error.code, text: String(error) }),
    )

  it('are read, and cut off anywhere they are undecodable and not repeated', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        marked,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (jwe, part) => {
          const bytes = whole(jwe)
          expect(await read(bytes)).toMatchObject({ value: { intakeKey: 'k', sentAt: 1 } })
          const cut = await read(bytes.subarray(0, Math.floor(bytes.length * part)))
          expect(cut.code).toBe('undecodable')
          expect(JSON.stringify(cut)).not.toContain('#canary#')
        },
      ),
    )
  })

  it('with any bytes changed or added are read as fields of their types, or are undecodable', {
    timeout: 60_000,
  }, async () => {
    const changes = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(marked, changes, fc.uint8Array({ maxLength: 3 }), async (jwe, changed, tail) => {
        const bytes = Buffer.concat([whole(jwe), tail])
        for (const [at, byte] of changed) bytes[5 + (at % (bytes.length - 5))] = byte
        const result = await read(bytes)
        if (result.code === null)
          expect(Object.values(result.value as object).map((one) => typeof one)).toEqual([
            'string',
            'string',
            'number',
          ])
        else expect(result.code).toBe('undecodable')
      }),
    )
  })
})

describe('an environment of any content', () => {
  it('configures Kafka, or is refused by the names of variables', { timeout: 60_000 }, () => {
    const names = [
      'LETHE_KAFKA',
      'LETHE_KAFKA_CLIENT',
      'LETHE_KAFKA_TLS',
      'LETHE_KAFKA_SASL',
      'LETHE_KAFKA_USERNAME',
      'LETHE_KAFKA_PASSWORD',
    ]
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), marked), (env) => {
        try {
          kafkaConfigFromEnvironment('spec', env)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
          expect(String(error)).not.toContain('#canary#')
        }
      }),
    )
  })
})
