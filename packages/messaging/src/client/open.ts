import type { KafkaConfig } from '../config.js'
import type { KafkaClient } from './port.js'

/** The client library the configuration names, `kafkajs` by default. Only that one is loaded. */
export async function kafkaClient(config: KafkaConfig): Promise<KafkaClient> {
  if (config.client === 'platformatic') {
    const { Platformatic } = await import('./platformatic/platformatic.js')
    return new Platformatic(config)
  }
  const { KafkaJs } = await import('./kafkajs/kafkajs.js')
  return new KafkaJs(config)
}
