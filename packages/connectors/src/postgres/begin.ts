import type { EraseIo, Pass } from '@lethe/eraser-kit'
import { PausedError } from '@lethe/eraser-kit'
import type { PoolClient } from 'pg'

/**
 * Opens the transaction of a batch, with time limits that end with its grants. Returns what to add to the host's
 * clock to get the server's, never too much: the server is asked first.
 *
 * @throws PausedError `read_only` on a standby
 */
export async function begin(
  db: PoolClient,
  batch: readonly Pass[],
  io: EraseIo,
  lockTimeoutMs: number,
): Promise<number> {
  let left = 600_000
  for (const { grant } of batch) {
    const alive = grant.expiresAt - io.now()
    if (alive > 0) left = Math.min(left, alive)
  }
  left = Math.max(1, Math.floor(left))
  const lock = Math.max(1, Math.min(lockTimeoutMs, Math.ceil(left / 4)))
  await db.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  // Compiling a statement that runs once costs five times what the statement does.
  const { rows } = await db.query<{ server: number; standby: boolean }>(
    `SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
       set_config('idle_in_transaction_session_timeout', $3, true), set_config('row_security', 'off', true),
       set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true), pg_is_in_recovery() AS standby,
       (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS server`,
    [String(lock), String(left), String(left + 1_000)],
  )
  const server = rows[0]
  if (!server || server.standby)
    throw new PausedError('read_only', 'The server is a standby: point the eraser at the primary.')
  await db.query('SET CONSTRAINTS ALL DEFERRED')
  // Whole milliseconds, as the host's clock: a fraction would let a commit come that much too late.
  return Math.floor(server.server) - io.now()
}
