import { type KafkaConfig as KafkaJsConfig, logLevel, type SASLOptions } from 'kafkajs'
import type { Logger } from 'pino'
import type { KafkaConfig } from '../../config.js'

/**
 * The kafkajs options of a KafkaConfig. Connection retries are bounded here; the watchdog of the
 * consumer and the producer's own bound decide what happens after them. Without a logger kafkajs is
 * silent.
 */
export function kafkaOptions(config: KafkaConfig, logger?: Logger): KafkaJsConfig {
  return {
    brokers: [...config.brokers],
    clientId: config.clientId,
    connectionTimeout: config.connectionTimeoutMs ?? 3_000,
    requestTimeout: config.requestTimeoutMs ?? 30_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8 },
    ...(config.tls ? { ssl: { ...config.tls } } : {}),
    ...(config.sasl ? { sasl: { ...config.sasl } as SASLOptions } : {}),
    logLevel: logger ? logLevel.WARN : logLevel.NOTHING,
    ...(logger ? { logCreator: () => (entry) => forward(logger, entry) } : {}),
  }
}

/** kafkajs puts no record contents into its log; only its message and a few names go on. */
function forward(
  logger: Logger,
  { level, namespace, log }: { level: number; namespace: string; log: Record<string, unknown> },
): void {
  const { groupId, topic, partition, broker } = log
  const text = `kafkajs ${namespace}: ${String(log['message'])}`
  const fields = { groupId, topic, partition, broker }
  // A rebalance is the protocol at work, though kafkajs calls it an error.
  if (/rebalancing|coordinator is loading/.test(String(log.error))) logger.debug(fields, text)
  else if (level === logLevel.ERROR) logger.error(fields, text)
  else if (level === logLevel.WARN) logger.warn(fields, text)
  else logger.debug(fields, text)
}
