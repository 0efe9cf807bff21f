import { ConfigError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { kafkaOptions } from './client/kafkajs/options.js'
import { clientOptions } from './client/platformatic/options.js'
import { deadLetterTopic, kafkaConfigFromEnvironment, physicalGroup, physicalTopic } from './config.js'

describe('kafka configuration', () => {
  it('comes from the environment, SASL and TLS included', () => {
    const config = kafkaConfigFromEnvironment('request', {
      LETHE_KAFKA: 'a:9092, b:9092',
      LETHE_TOPIC_PREFIX: 'blue.',
      LETHE_KAFKA_TLS: 'true',
      LETHE_KAFKA_SASL: 'scram-sha-512',
      LETHE_KAFKA_USERNAME: 'u',
      LETHE_KAFKA_PASSWORD: 'p',
    })
    expect(config.brokers).toEqual(['a:9092', 'b:9092'])
    const options = kafkaOptions(config)
    expect(options).toMatchObject({
      clientId: 'request',
      ssl: {},
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    })
    expect(clientOptions(config)).toMatchObject({
      clientId: 'request',
      bootstrapBrokers: ['a:9092', 'b:9092'],
      tls: {},
      tlsServerName: true,
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' },
    })
    expect(physicalTopic(config, deadLetterTopic('erasure.requested', 'eraser.cache'))).toBe(
      'blue.erasure.requested.eraser.cache.dlq',
    )
    expect(physicalGroup(config, 'eraser.cache')).toBe('blue.eraser.cache')
  })

  it.each([
    [{}, /LETHE_KAFKA: /],
    [
      { LETHE_KAFKA: 'a:1', LETHE_KAFKA_CLIENT: 'librdkafka' },
      /LETHE_KAFKA_CLIENT: must be kafkajs or platformatic/,
    ],
    [{ LETHE_KAFKA: 'a:1', LETHE_KAFKA_SASL: 'magic' }, /must be plain, scram-sha-256 or scram-sha-512/],
    [{ LETHE_KAFKA: 'a:1', LETHE_KAFKA_SASL: 'plain' }, /LETHE_KAFKA_PASSWORD/],
    [{ LETHE_KAFKA: 'a:1', LETHE_KAFKA_CERT: '/nowhere.pem' }, /LETHE_KAFKA_CERT/],
    [
      { LETHE_KAFKA_SASL: 'plain', LETHE_KAFKA_KEY: '/nowhere.pem' },
      /LETHE_KAFKA:[\s\S]*_KEY:[\s\S]*_USERNAME:/,
    ],
  ])('names the variable that is missing or wrong', (env, message) => {
    const read = () => kafkaConfigFromEnvironment('request', env)
    expect(read).toThrow(message)
    expect(read).toThrow(ConfigError)
  })
})
