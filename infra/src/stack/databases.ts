import { migrate } from '@lethe/event-store'
import pg from 'pg'
import type { StackContext } from './context.js'

/** Creates the database and brings it to the newest schema; gives every role its password. Idempotent. */
export async function prepareLetheDatabase({ at, secrets }: StackContext): Promise<void> {
  await ensureDatabase(at.lethePostgresUrl)
  await migrate(at.lethePostgresUrl)
  await withClient(at.lethePostgresUrl, async (client) => {
    for (const role of [
      'lethe_request',
      'lethe_aggregator',
      'lethe_ops',
      'lethe_connect',
      'lethe_restore',
    ] as const)
      await setPassword(client, role, secrets.password(role))
  })
}

/**
 * Creates the shop's database, with a role for the eraser and one for the probe. Both get their rights on
 * tables that the superuser makes later as well; the probe's sessions are read-only. Idempotent.
 */
export async function prepareShopDatabase({ at, secrets }: StackContext): Promise<void> {
  await ensureDatabase(at.shopPostgresUrl)
  await withClient(at.shopPostgresUrl, async (client) => {
    for (const role of ['shop_eraser', 'shop_probe', 'shop_restore', 'shop_app'] as const) {
      await ensureRole(client, role)
      await setPassword(client, role, secrets.password(role))
    }
    await client.query(`
      ALTER ROLE shop_probe SET default_transaction_read_only = on;
      GRANT CONNECT ON DATABASE shop TO shop_eraser, shop_probe;
      -- The eraser keeps its receipts in a schema of its own, which it makes itself.
      GRANT CREATE ON DATABASE shop TO shop_eraser;
      GRANT USAGE ON SCHEMA public TO shop_eraser, shop_probe;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_eraser;
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_probe;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop_eraser;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO shop_probe;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO shop_eraser;
      -- The shop's application, in so far as it reads; who it is that a shut gate keeps out.
      GRANT USAGE ON SCHEMA public TO shop_app;
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_app;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO shop_app;
      -- The replay role: erases as the eraser does, decides who may connect, ends the sessions of others.
      GRANT shop_eraser, pg_signal_backend TO shop_restore;
      ALTER DATABASE shop OWNER TO shop_restore;
    `)
  })
}

/** The connection string of another role in the same database. */
export function urlAs(url: string, user: string, password: string): string {
  const changed = new URL(url)
  changed.username = user
  changed.password = password
  return changed.href
}

async function ensureDatabase(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1)
  await withClient(new URL('/postgres', url).href, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  })
}

async function ensureRole(client: pg.Client, role: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  if (rowCount === 0) await client.query(`CREATE ROLE ${pg.escapeIdentifier(role)} LOGIN`)
}

async function setPassword(client: pg.Client, role: string, password: string): Promise<void> {
  await client.query(`ALTER ROLE ${pg.escapeIdentifier(role)} PASSWORD ${pg.escapeLiteral(password)}`)
}

/** One connection for the length of the work. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
