import { ConfigError } from '@lethe/service-host'
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

describe('an environment of any content', () => {
  it('configures Kafka, or is refused by the names of variables', { timeout: 60_000 }, () => {
    const names = [
      'LETHE_KAFKA',
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
