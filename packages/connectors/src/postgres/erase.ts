import { setTimeout as pause } from 'node:timers/promises'
import type { EraseIo, Outcome, Pass } from '@lethe/eraser-kit'
import { RetryableError } from '@lethe/eraser-kit'
import type { Pool, PoolClient } from 'pg'
import { type Compiled, connect, type LivePlan, type PostgresContext } from './database.js'
import { crossing, failureOf, isOurs } from './errors.js'
import { collectionsOf, failedOutcome } from './tally.js'
import { AGAIN, Transaction } from './transaction.js'

const ATTEMPTS = 4

export interface EraseSetting {
  readonly pool: Pool
  readonly live: LivePlan
  readonly context: PostgresContext
}

/**
 * Erases a batch in one transaction; receipts and marker are part of it. Safe to repeat: passes with a
 * receipt get the outcome of then and change nothing. Deadlocks are retried while grants last.
 */
export async function eraseBatch(
  setting: EraseSetting,
  batch: readonly Pass[],
  io: EraseIo,
): Promise<Outcome[]> {
  const compiled = await setting.live.current()
  for (let attempt = 1; ; attempt++) {
    if (io.signal.aborted)
      throw new RetryableError('aborted', 'The host is shutting down; nothing was changed.')
    const outcomes = await once(setting, compiled, batch, io)
    if (outcomes !== AGAIN) return outcomes
    if (attempt === ATTEMPTS) {
      return batch.map((_, ord) =>
        failedOutcome(ord, collectionsOf(compiled.plan), null, 'contention', 'retryable'),
      )
    }
    await pause(attempt * (10 + Math.random() * 40))
  }
}

async function once(
  setting: EraseSetting,
  compiled: Compiled,
  batch: readonly Pass[],
  io: EraseIo,
): Promise<Outcome[] | typeof AGAIN> {
  const transaction = new Transaction(setting.context, compiled, batch, io)
  let client: PoolClient
  try {
    client = await connect(setting.pool)
  } catch (error) {
    throw crossing(error, 'connect')
  }
  let usable = false
  try {
    const outcomes = await transaction.run(client)
    usable = true
    return outcomes
  } catch (error) {
    usable = await client.query('ROLLBACK').then(
      () => true,
      () => false,
    )
    if (isOurs(error)) throw error
    const { code, scope } = failureOf(error)
    if (scope === 'transaction') return AGAIN
    if (code === 'grant_expired' || code === 'timeout') return transaction.expired(code)
    throw crossing(error, 'erase a batch')
  } finally {
    client.release(!usable)
  }
}
