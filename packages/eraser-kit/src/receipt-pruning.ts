import type { Logger } from '@lethe/service-host'
import { ofEraser, prunedTotal } from './metrics.js'
import type { RequestClient } from './request-client.js'
import type { Systems } from './systems.js'

export interface PruningOptions {
  readonly systemId: string
  readonly systems: Pick<Systems, 'currentSession'>
  readonly request: Pick<RequestClient, 'oldestTombstone'>
  /** Milliseconds; longer than any topic keeps a command, or a redelivery would find no receipt. */
  readonly keepMs: number
  readonly logger: Logger
  readonly now?: () => number
}

/** As far as the clocks of a store and of Lethe may be apart, milliseconds. */
const APART_MS = 3_600_000

/**
 * Removes receipts that no redelivery can ask for any more and whose tombstone has expired, so that the store does not
 * keep them for ever. A receipt is never older than its tombstone, so those from before the oldest live one are free.
 */
export class ReceiptPruning {
  constructor(private readonly options: PruningOptions) {}

  /**
   * @returns how many receipts were removed. Harmless when repeated, or done by several instances.
   * @throws what `request` and the store throw; nothing was removed then
   */
  async run(): Promise<number> {
    const { systemId, systems, request, keepMs, logger, now = Date.now } = this.options
    const { receipts } = await systems.currentSession()
    if (!receipts) return 0
    const oldest = await request.oldestTombstone()
    const needed = oldest === null ? Number.POSITIVE_INFINITY : oldest - APART_MS
    const before = new Date(Math.min(now() - keepMs, needed))
    const pruned = await receipts.prune(before)
    prunedTotal.inc(ofEraser(systemId), pruned)
    logger.info({ system: systemId, pruned, before }, 'receipts were pruned')
    return pruned
  }
}
