import { isUnavailable } from '@lethe/event-store'
import { PausedError } from '@lethe/service-host'

/**
 * Runs a consumer's work. While the database is away the partition waits and no attempt is spent: otherwise
 * a restart of PostgreSQL would turn good messages into dead letters.
 *
 * @throws PausedError `database_unavailable`
 */
export async function pausedWhileAway<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUnavailable(error)) throw error
    const text = 'The database can not be used; messages wait.'
    throw new PausedError('database_unavailable', text, { cause: error })
  }
}
