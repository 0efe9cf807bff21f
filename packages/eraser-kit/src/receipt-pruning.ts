import type { Logger } from '@lethe/service-host'
import { ofEraser, prunedTotal } from './metrics.js'
import type { Systems } from './systems.js'

export interface PruningOptions {
  readonly systemId: string
  readonly systems: Pick<Systems, 'currentSession'>
  /** Milliseconds; longer than any topic keeps a command, or a redelivery would find no receipt. */
  readonly keepMs: number
  readonly logger: Logger
  readonly now?: () => number
}

/** Removes receipts that no redelivery can ask for any more, so that the store does not keep them for ever. */
export class ReceiptPruning {
  constructor(private readonly options: PruningOptions) {}

  /** @returns how many receipts were removed. Harmless when repeated, or done by several instances. */
  async run(): Promise<number> {
    const { systemId, systems, keepMs, logger, now = Date.now } = this.options
    const { receipts } = await systems.currentSession()
    if (!receipts) return 0
    const pruned = await receipts.prune(new Date(now() - keepMs))
    prunedTotal.inc(ofEraser(systemId), pruned)
    logger.info({ system: systemId, pruned, olderThanDays: keepMs / 86_400_000 }, 'receipts were pruned')
    return pruned
  }
}
