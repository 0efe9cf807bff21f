import { MessageCodec } from '@lethe/messaging'
import type { OutboxReconciler } from '@lethe/request-log'
import { createLogger, metricsRegistry } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { consumers } from './consumers.js'

describe('the consumers of the request service', () => {
  it('count what they handle where /metrics shows it', async () => {
    consumers({} as OutboxReconciler, {
      kafka: { brokers: ['127.0.0.1:1'], clientId: 'spec' },
      codec: Object.create(MessageCodec.prototype),
      logger: createLogger('spec', { level: 'silent' }),
    })
    expect(await metricsRegistry.metrics()).toContain('lethe_messaging_handled_total')
  })
})
