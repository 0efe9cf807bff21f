import {
  CHECKPOINT_EVERY,
  type ChainReport,
  HeadInvalid,
  type HeadPlace,
  headOrInvalid,
  verifyChainAtOnce,
} from '@lethe/request-log'
import type { Logger } from '@lethe/service-host'
import type { Pool } from 'pg'
import { chainFindings, chainVerified, service } from '../metrics.js'

/** Between two looks at the whole chain, milliseconds. */
export const CHAIN_CHECK_MS = 3_600_000

export interface ChainCheckParts {
  readonly look: () => Promise<ChainReport>
  /** Null when Lethe's own database is the one it last worked with. */
  readonly blocked: () => Promise<string | null>
  readonly logger: Logger
  readonly now?: () => number
}

/**
 * Computes the chain of tombstones again and shows how much of it is not as it was recorded. While Lethe's own
 * database is an older copy, or can't be read, nothing is said of the chain: neither that it is whole nor that it is not.
 */
export class ChainCheck {
  constructor(private readonly parts: ChainCheckParts) {}

  /** @throws what reading throws; the number of findings is unknown then */
  async run(): Promise<void> {
    const { look, blocked, logger, now = Date.now } = this.parts
    const report = await this.known(blocked, look)
    if (report === null) return chainFindings.reset()
    chainFindings.set({ service }, report.total)
    chainVerified.set({ service }, now() / 1_000)
    if (report.total > 0)
      logger.error(
        { findings: report.total, codes: [...new Set(report.findings.map(({ code }) => code))] },
        'the chain of tombstones is not as it was recorded; see: lethe tombstones verify',
      )
  }

  private async known(
    blocked: ChainCheckParts['blocked'],
    look: ChainCheckParts['look'],
  ): Promise<ChainReport | null> {
    try {
      return (await blocked()) === null ? await look() : null
    } catch (error) {
      chainFindings.reset()
      throw error
    }
  }
}

/** The head file is read first and the database as of one later moment, so a chain that grows meanwhile is whole. */
export async function lookAtChain(pool: Pool, place: HeadPlace): Promise<ChainReport> {
  const head = headOrInvalid(place)
  return verifyChainAtOnce(pool, {
    secret: place.secret,
    // That the file can't be believed is told by the look at Lethe's own database.
    head: head instanceof HeadInvalid ? null : head,
    checkpointEvery: CHECKPOINT_EVERY,
  })
}
