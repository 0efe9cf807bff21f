import type { EraseIo, Pass } from '@lethe/eraser-kit'
import { PausedError } from '@lethe/eraser-kit'
import type { PoolClient, QueryResult } from 'pg'

/**
 * Opens the transaction of a batch, with time limits that end with its grants. Returns what to add to the host's
 * clock to get the server's, never too much: the server is asked first.
 *
 * @throws PausedError `read_only` on a standby
 */
export async function begin(
  db: PoolClient,
  batch: readonly Pick<Pass, 'grant'>[],
  io: EraseIo,
  lockTimeoutMs: number,
): Promise<number> {
  let left = 600_000
  const now = io.now()
  for (const { grant } of batch) {
    const alive = grant.expiresAt - now
    if (alive > 0) left = Math.min(left, alive)
  }
  left = Math.max(1, Math.floor(left))
  const lock = Math.max(1, Math.min(Math.floor(lockTimeoutMs), Math.ceil(left / 4)))
  // Whole numbers of this function's own, so that all of it is one message. Compiling a statement that runs once costs
  // five times what the statement does; reading all of a table for a few thousand people more than asking its index.
  const told = (await db.query(`BEGIN ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL DEFERRED;
    SELECT set_config('lock_timeout', '${lock}', true), set_config('statement_timeout', '${left}', true),
      set_config('idle_in_transaction_session_timeout', '${left + 1_000}', true), set_config('row_security', 'off', true),
      set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true),
      set_config('random_page_cost', '1.1', true), pg_is_in_recovery() AS standby,
      (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS server`)) as unknown as readonly QueryResult<{
    server: number
    standby: boolean
  }>[]
  const server = told.at(-1)?.rows[0]
  if (!server || server.standby)
    throw new PausedError('read_only', 'The server is a standby: point the eraser at the primary.')
  // Whole milliseconds, as the host's clock: a fraction would let a commit come that much too late.
  return Math.floor(server.server) - io.now()
}
