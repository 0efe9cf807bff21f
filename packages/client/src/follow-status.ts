import { KafkaBatchStrategy, type KafkaConfig, MessageCodec } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'

export interface FollowOptions {
  readonly kafka: KafkaConfig
  readonly registryUrl: string
  /** Consumer group of the following service; each group sees every milestone. */
  readonly group: string
}

/**
 * Calls back for every milestone on `erasure.status`, from the earliest kept (90 days), at least once and
 * in order per person. A callback that throws is tried again within bounds, then dead-lettered.
 *
 * @returns ends the following, after the running callback
 */
export async function followStatus(
  options: FollowOptions,
  onMilestone: (milestone: wire.ErasureStatusChanged) => void | Promise<void>,
): Promise<() => Promise<void>> {
  const codec = await MessageCodec.connect(options.registryUrl, { register: false })
  const strategy = new KafkaBatchStrategy({
    kafka: options.kafka,
    group: options.group,
    codec,
    subscriptions: [{ topic: 'erasure.status', mode: 'keyed', concurrency: 1 }],
  })
  strategy.handle('erasure.status', async (batch) => {
    for (const { value } of batch) await onMilestone(value as wire.ErasureStatusChanged)
  })
  await new Promise<void>((resolve, reject) => {
    strategy.listen((error?: unknown) => (error ? reject(error) : resolve())).catch(reject)
  })
  return () => strategy.close()
}
