import { withClient } from '@lethe/infra'
import pg from 'pg'
import { seedDatabase } from './seed.js'

export interface ShopCopy {
  readonly url: string
  /** Those the shop's data map speaks of. */
  readonly tables: readonly string[]
  drop(): Promise<void>
}

const TABLES = [
  'preferences',
  'sessions',
  'notifications',
  'activity_logs',
  'orders',
  'comments',
  'newsletter',
  'users',
]

/** The shop as it was seeded, in a database beside it: what a backup taken before everything would bring back. */
export async function openCopy(shopUrl: string): Promise<ShopCopy> {
  const name = `${new URL(shopUrl).pathname.slice(1)}_copy`
  const url = new URL(`/${name}`, shopUrl).href
  const server = new URL('/postgres', shopUrl).href
  const quoted = pg.escapeIdentifier(name)
  await withClient(server, (client) => client.query(`CREATE DATABASE ${quoted}`))
  await seedDatabase(url, { customers: 1_000 })
  return {
    url,
    tables: TABLES,
    drop: () =>
      withClient(server, async (client) => void (await client.query(`DROP DATABASE ${quoted} WITH (FORCE)`))),
  }
}
