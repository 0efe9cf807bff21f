import { inTransaction } from '@lethe/event-store'
import type { Pool } from 'pg'
import type { ChainReport } from './findings.js'
import { type VerifyOptions, verifyChain } from './verify.js'

/**
 * `verifyChain` as of one moment, so that a chain that grows meanwhile is not called broken. The head outside the
 * database must have been read before the call.
 */
export function verifyChainAtOnce(pool: Pool, options: VerifyOptions): Promise<ChainReport> {
  return inTransaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    return verifyChain(client, options)
  })
}
