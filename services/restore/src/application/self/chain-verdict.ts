import {
  CHECKPOINT_EVERY,
  type ChainReport,
  HeadInvalid,
  type HeadPlace,
  headOrInvalid,
  verifyLinksAtOnce,
} from '@lethe/request-log'
import { RetryableError } from '@lethe/service-host'
import type { Pool } from 'pg'
import { chainBroken } from '../../domain/chain-broken.js'
import type { Reason } from '../../domain/waiting.js'

/**
 * Why the chain of tombstones lets nothing be called clean now; null when it is whole, or where none is kept.
 *
 * @throws RetryableError `chain_unknown` when nobody can say
 */
export type ChainVerdict = () => Promise<Reason | null>

/** Where nobody said where the head is kept, there is no chain. */
export const noChain: ChainVerdict = async () => null

export interface ChainVerdictParts {
  readonly look: () => Promise<ChainReport>
  /** Null when Lethe's own database is the one it last worked with. */
  readonly blocked: () => Promise<string | null>
}

/** Looks at all of it each time: somebody may have written into it since the last look. */
export function chainVerdict({ look, blocked }: ChainVerdictParts): ChainVerdict {
  return async () => {
    if ((await blocked()) !== null)
      throw unknown("Lethe's own database is not the one it last worked with: lethe restore self.")
    const report = await look().catch((cause: unknown) => {
      if (cause instanceof RetryableError) throw cause
      throw unknown("it can't be read.", cause)
    })
    return report.total === 0 ? null : chainBroken(report)
  }
}

/** The head file is read first and the database as of one later moment, so a chain that grows meanwhile is whole. */
export async function lookAtLinks(pool: Pool, place: HeadPlace): Promise<ChainReport> {
  const head = headOrInvalid(place)
  if (head instanceof HeadInvalid) throw unknown("the head file can't be believed.", head)
  return verifyLinksAtOnce(pool, { secret: place.secret, head, checkpointEvery: CHECKPOINT_EVERY })
}

const unknown = (why: string, cause?: unknown): RetryableError =>
  new RetryableError('chain_unknown', `Whether the chain of tombstones is whole is unknown: ${why}`, {
    cause,
  })
