import type { OutboxReconciler } from '@lethe/request-log'
import { gauge, type Logger } from '@lethe/service-host'

const service = 'request'
const pendingRows = gauge('lethe_outbox_pending', 'Outbox rows not yet seen on their topic.', ['service'])
const exhaustedRows = gauge(
  'lethe_outbox_exhausted',
  'Outbox rows that were published again and again and never seen on their topic.',
  ['service'],
)
const oldestSeconds = gauge('lethe_outbox_oldest_seconds', 'Age of the oldest row of the outbox.', [
  'service',
])
export const outboxGauges = { pendingRows, exhaustedRows, oldestSeconds }

/** Publishes lost rows again and shows what waits; what could not be counted is not shown. @throws what it meets */
export async function sweepOutbox(
  reconciler: Pick<OutboxReconciler, 'sweep'>,
  logger: Logger,
): Promise<void> {
  const { republished, exhausted, pending, oldestMs } = await reconciler.sweep().catch((error: unknown) => {
    outboxUnknown()
    throw error
  })
  pendingRows.set({ service }, pending)
  exhaustedRows.set({ service }, exhausted)
  oldestSeconds.set({ service }, oldestMs / 1_000)
  if (exhausted > 0)
    logger.error({ exhausted, pending, oldestMs }, 'outbox rows never arrived on their topic')
  else if (republished.length > 0)
    logger.warn({ republished: republished.length }, 'outbox rows published again')
}

/** Nothing is shown until the next sweep. */
export function outboxUnknown(): void {
  for (const one of [pendingRows, exhaustedRows, oldestSeconds]) one.reset()
}
