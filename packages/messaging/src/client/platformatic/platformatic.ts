import { Admin } from '@platformatic/kafka'
import type { Logger } from 'pino'
import type { KafkaConfig } from '../../config.js'
import type {
  AdminClient,
  ConsumerClient,
  ConsumerClientOptions,
  KafkaClient,
  ProducerClient,
} from '../port.js'
import { PlatformaticAdmin } from './admin.js'
import { PlatformaticConsumer } from './consumer.js'
import { asked } from './errors.js'
import { clientOptions } from './options.js'
import { openProducer } from './producer.js'

/** The port on @platformatic/kafka. */
export class Platformatic implements KafkaClient {
  readonly name = 'platformatic'
  constructor(private readonly config: KafkaConfig) {}

  producer(logger?: Logger): Promise<ProducerClient> {
    return openProducer(this.config, logger)
  }

  consumer(options: ConsumerClientOptions): ConsumerClient {
    return new PlatformaticConsumer(this.config, options)
  }

  async admin({ hasty = false }: { readonly hasty?: boolean } = {}): Promise<AdminClient> {
    const admin = new Admin(clientOptions(this.config, hasty ? 1 : 8))
    try {
      await asked(admin.metadata({ topics: [] }))
    } catch (error) {
      await admin.close()
      throw error
    }
    return new PlatformaticAdmin(admin)
  }
}
