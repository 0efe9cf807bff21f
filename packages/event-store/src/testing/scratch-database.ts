import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { migrate, migrationsDirectory } from '../migrate.js'

export interface ScratchDatabase {
  readonly url: string
  /** Ends what is still connected and drops the database; end your pools first. */
  drop(): Promise<void>
}

/**
 * A database of Lethe for one spec file, cloned from a template that is migrated once per set of
 * migrations and server.
 *
 * @param serverUrl any database of the server, as a superuser
 */
export async function scratchDatabase(serverUrl: string): Promise<ScratchDatabase> {
  const template = await ensureTemplate(serverUrl)
  const name = `lethe_test_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [template])
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  })
  return {
    url: databaseUrl(serverUrl, name),
    drop: () =>
      onServer(serverUrl, async (client) => {
        await untilUnused(client, name)
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      }),
  }
}

/**
 * A pool is done with its connections a moment before the server is; one that is ended in that moment
 * reports it to nobody's handler. Bounded: whoever forgot a connection gets it ended.
 */
async function untilUnused(client: Client, database: string): Promise<void> {
  for (const deadline = Date.now() + 2_000; Date.now() < deadline; await delay(10)) {
    const { rows } = await client.query('SELECT 1 FROM pg_stat_activity WHERE datname = $1 LIMIT 1', [
      database,
    ])
    if (rows.length === 0) return
  }
}

async function ensureTemplate(serverUrl: string): Promise<string> {
  const template = `lethe_template_${digestOfMigrations()}`
  await onServer(serverUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [template])
    const { rows } = await client.query('SELECT datistemplate FROM pg_database WHERE datname = $1', [
      template,
    ])
    if (rows[0]?.datistemplate) return
    await client.query(`DROP DATABASE IF EXISTS ${template}`)
    await client.query(`CREATE DATABASE ${template}`)
    await migrate(databaseUrl(serverUrl, template))
    // Marked last: a template that was left half migrated is dropped by the next caller.
    await client.query(`ALTER DATABASE ${template} IS_TEMPLATE true`)
  })
  return template
}

function digestOfMigrations(): string {
  const hash = createHash('sha256')
  for (const file of readdirSync(migrationsDirectory).sort())
    hash.update(file).update(readFileSync(join(migrationsDirectory, file)))
  return hash.digest('hex').slice(0, 12)
}

/** The lock on the template ends with the session. */
async function onServer(serverUrl: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: databaseUrl(serverUrl, 'postgres') })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.toString()
}
