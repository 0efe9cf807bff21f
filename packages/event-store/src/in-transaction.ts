import type { Pool, PoolClient } from 'pg'

/** `COMMIT` was answered with a rollback, because a statement before it had failed unnoticed. */
export class TransactionAborted extends Error {
  readonly code = 'transaction_aborted'

  constructor() {
    super('the transaction was rolled back at COMMIT, because an error inside it was caught and not rethrown')
    this.name = 'TransactionAborted'
  }
}

/**
 * Runs `work` in one READ COMMITTED transaction and commits. On any error everything is rolled back
 * and the error thrown on. A client whose connection broke does not return to the pool.
 *
 * @param lockTimeoutMs bound on each wait for a lock; PostgreSQL then fails with code 55P03
 */
export const inTransaction = <T>(
  pool: Pick<Pool, 'connect'>,
  work: (client: PoolClient) => Promise<T>,
  lockTimeoutMs = 10_000,
): Promise<T> => transaction(pool, begin(lockTimeoutMs), work)

/**
 * As `inTransaction`, and everything `work` reads is of the moment of its first query (REPEATABLE READ). Errors and broken
 * connections are treated alike; what it only reads may be read again.
 *
 * @param settings statements for the beginning of the transaction, with semicolons between them; none of them may be a query
 */
export const inSnapshot = <T>(
  pool: Pick<Pool, 'connect'>,
  work: (client: PoolClient) => Promise<T>,
  settings = '',
): Promise<T> => transaction(pool, `BEGIN ISOLATION LEVEL REPEATABLE READ; ${settings}`, work)

async function transaction<T>(
  pool: Pick<Pool, 'connect'>,
  beginning: string,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  // A connection that dies between two statements reports it as an event; the next statement fails.
  const onError = () => {}
  client.on('error', onError)
  let broken: Error | undefined
  try {
    const begun = client.query(beginning)
    // Where the connection pipelines, the first statements of the work travel with it.
    if (client.pipeline) begun.catch(() => {})
    else await begun
    const result = await work(client)
    await begun
    const { command } = await client.query('COMMIT')
    if (command !== 'COMMIT') throw new TransactionAborted()
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((cause: Error) => {
      broken = cause
    })
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}

/**
 * Every statement here finds its rows by key. A plan that was made while a table was small or not yet analysed
 * reads all of it, and is kept for as long as the connection lives; compiling one costs more than it saves.
 */
const begin = (lockTimeoutMs: number): string =>
  `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = ${Math.trunc(lockTimeoutMs)};
   SET LOCAL enable_seqscan = off; SET LOCAL jit = off`
