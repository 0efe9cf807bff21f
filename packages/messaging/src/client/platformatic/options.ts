import { isIP } from 'node:net'
import type { Base, BaseOptions, ConnectionOptions } from '@platformatic/kafka'
import type { Logger } from 'pino'
import type { KafkaConfig } from '../../config.js'

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

/** What a connection needs to know. Server names are sent and checked where the brokers have names. */
export function connectionOptions(config: KafkaConfig): ConnectionOptions {
  const { tls, sasl } = config
  const named = config.brokers.every(
    (broker) => isIP(broker.replace(/:\d+$/, '').replace(/[[\]]/g, '')) === 0,
  )
  return {
    connectTimeout: config.connectionTimeoutMs ?? 3_000,
    requestTimeout: config.requestTimeoutMs ?? 30_000,
    ...(tls ? { tls: { ...tls }, ...(named ? { tlsServerName: true } : {}) } : {}),
    ...(sasl ? { sasl: { ...sasl, mechanism: MECHANISMS[sasl.mechanism] } } : {}),
  }
}

/**
 * The options every client shares. Retries are bounded here, as with kafkajs; the watchdog of the consumer
 * and the producer's own bound decide what happens after them.
 */
export function clientOptions(config: KafkaConfig, retries = 8): BaseOptions {
  return {
    ...connectionOptions(config),
    clientId: config.clientId,
    bootstrapBrokers: [...config.brokers],
    timeout: config.requestTimeoutMs ?? 30_000,
    retries,
    retryDelay: (_client, _operation, attempt) => Math.min(5_000, 200 * 2 ** Math.min(attempt - 1, 10)),
    metadataMaxAge: 60_000,
    autocreateTopics: false,
  }
}

/** The library logs nothing by itself. Which broker could not be reached goes on, and nothing of a record. */
export function logConnections(client: Base, logger: Logger | undefined): void {
  client.on('client:broker:failed', ({ broker }) => {
    logger?.warn({ broker: `${broker.host}:${broker.port}` }, 'platformatic: a broker can not be reached')
  })
}
