import { deadLetter } from './dead-letter.js'
import type { Work } from './dispatch.js'
import { describeError } from './errors.js'
import type { Quarantined, Subscription } from './incoming.js'
import type { MessagingMetrics } from './metrics.js'
import type { Attempts } from './partition-memory.js'
import type { MessageProducer } from './producer.js'
import { type Fetched, quarantined } from './read-batch.js'
import type { StrategyOptions } from './strategy-options.js'

interface Around {
  readonly options: StrategyOptions
  readonly metrics: MessagingMetrics
  readonly deadLetters: MessageProducer
}

/**
 * Puts one record aside: first its owner is told, then the dead letter is written. Rejects when
 * either could not be done, so that the offset stays where it is; both may then happen again.
 */
export async function quarantine(
  around: Around,
  subscription: Subscription,
  work: Work<Fetched>,
  error: Error,
  attempts: Attempts,
): Promise<void> {
  const { group, logger } = around.options
  const item = quarantined(work.item)
  await tellOwner(around, subscription, item, error)
  await around.deadLetters.sendRaw([deadLetter(group, item, error, attempts, Date.now())])
  const { code, errorClass } = describeError(error)
  around.metrics.deadLettered(group, item.topic, code)
  logger?.error({ group, ...originOf(item), code, errorClass }, 'a message was dead-lettered')
}

/** A terminal failure of the callback must not stop the partition: the dead letter still alarms. */
async function tellOwner(
  { options, metrics }: Around,
  subscription: Subscription,
  item: Quarantined,
  error: Error,
): Promise<void> {
  try {
    await subscription.onDeadLetter?.(item, error)
  } catch (failure) {
    const { code, errorClass } = describeError(failure)
    if (errorClass !== 'terminal') throw failure
    metrics.failed(options.group, item.topic, errorClass)
    options.logger?.error({ ...originOf(item), code }, 'onDeadLetter refused a message')
  }
}

function originOf({ topic, partition, offset }: Quarantined) {
  return { topic, partition, offset }
}
