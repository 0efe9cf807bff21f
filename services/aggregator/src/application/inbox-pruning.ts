import { pruneProcessed, type Queryable } from '@lethe/request-log'
import { counter, type Logger } from '@lethe/service-host'

const prunedTotal = counter('lethe_aggregator_inbox_pruned_total', 'Inbox entries forgotten by age.', [
  'service',
])

/**
 * Forgets messages that can not come again, because their topic has given them up: the inbox grows with the
 * traffic of that time and not with all requests ever seen. Batches are small, so that none holds its locks
 * for long. Harmless in several instances at once.
 */
export class InboxPruning {
  constructor(
    private readonly db: Queryable,
    private readonly keepMs: number,
    private readonly logger: Logger,
    private readonly batch = 5_000,
  ) {}

  /** @returns how many entries were forgotten */
  async run(): Promise<number> {
    let pruned = 0
    let last: number
    do {
      last = await pruneProcessed(this.db, this.keepMs, this.batch)
      pruned += last
      prunedTotal.inc({ service: 'aggregator' }, last)
    } while (last === this.batch)
    this.logger.info({ pruned, olderThanDays: this.keepMs / 86_400_000 }, 'the inbox was pruned')
    return pruned
  }
}
