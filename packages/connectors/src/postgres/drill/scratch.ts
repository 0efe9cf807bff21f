import { createHash } from 'node:crypto'
import { TerminalError } from '@lethe/eraser-kit'
import pg from 'pg'
import { quote } from '../sql.js'

/** What a drill's copy is called, on whatever server it is. */
export function scratchName(systemId: string, drillId: string): string {
  const digest = createHash('sha256').update(`${systemId}/${drillId}`).digest('hex').slice(0, 16)
  return `lethe_drill_${digest}`
}

export async function withClient<T>(
  url: string,
  application: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: application,
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export const inDatabase = (url: string, database: string): string => {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

/** An empty database that only its owner and superusers may connect to. */
export async function makeScratch(server: string, name: string, application: string): Promise<void> {
  await withClient(server, application, async (client) => {
    await client.query(`CREATE DATABASE ${quote(name)} TEMPLATE template0`)
    await client.query(`REVOKE ALL ON DATABASE ${quote(name)} FROM PUBLIC`)
  })
}

/** Idempotent. Ends whoever is still filling it. */
export async function dropScratch(server: string, name: string, application: string): Promise<void> {
  await withClient(server, application, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`),
  )
}

/** What a libpq tool is given: the password apart, because the arguments of a process are for everybody to read. */
export function toolUrl(url: string): { readonly url: string; readonly env: Record<string, string> } {
  const bare = new URL(url)
  const password = decodeURIComponent(bare.password)
  bare.password = ''
  return { url: bare.href, env: password === '' ? {} : { PGPASSWORD: password } }
}

/** Names of things, which say nothing about a person; rows are never quoted. */
export function adviceOn(printed: string): string | undefined {
  const denied =
    /permission denied for (table|sequence|schema|view|function|database) ("?[\w$]{1,63}"?)/.exec(printed)
  if (denied) return `It may not read the ${denied[1]} ${denied[2]}: grant that to the role of the drill.`
  const versions = /server version: (\d+)[^;\n]*; pg_dump version: (\d+)/.exec(printed)
  if (versions)
    return `It is of version ${versions[2]} and the server of ${versions[1]}: use tools of the server's version.`
  if (/password authentication failed|no password supplied/.test(printed))
    return 'The server refused the password.'
  if (/No space left on device/.test(printed))
    return 'The disk is full: make room, or set LETHE_DRILL_DIR to another one.'
  const extension = /extension "([\w-]{1,63})" is not available/.exec(printed)
  if (extension) return `The scratch server does not have the extension ${extension[1]}: install it there.`
  return undefined
}

export const scratchMissing = (connection: string): TerminalError =>
  new TerminalError(
    'scratch_missing',
    `Set ${connection} to a PostgreSQL where a scratch database may be made (postgres:// with a role that has CREATEDB), best on another server than the one in use.`,
  )
