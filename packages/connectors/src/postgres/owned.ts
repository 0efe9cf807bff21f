import type { ClientBase, Pool } from 'pg'
import { connect } from './database.js'

/** Work in one transaction of a connection of its own; the connection is given up when even ROLLBACK fails. */
export async function inTransaction<T>(pool: Pool, work: (db: ClientBase) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let usable = false
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    usable = true
    return result
  } finally {
    if (!usable)
      usable = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      )
    client.release(!usable)
  }
}
