import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withClient } from '@lethe/infra'
import pg from 'pg'
import type { Chain } from '../harness/chain.js'

const runFile = promisify(execFile)

/** A row of the vault as PostgreSQL holds it; a note's context is its own. */
export interface SealedRow {
  readonly requestId: string
  readonly systemId: string
  readonly epoch: string
  readonly sealed: Buffer
}

/** Everything that is sealed in this database, notes included. */
export function sealedRows(url: string): Promise<SealedRow[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<SealedRow>(
      `SELECT request_id AS "requestId", system_id AS "systemId", epoch, sealed FROM vault.entries
       UNION ALL SELECT request_id, '@note:' || note_id, epoch, sealed FROM vault.notes ORDER BY 1, 2, 3`,
    )
    return rows
  })
}

/** What an operator's nightly backup of Lethe's database would hold now. */
export async function dumpTo(file: string, { letheUrl, context }: Chain): Promise<void> {
  await runFile(join(context.tools.postgresBin, 'pg_dump'), ['-Fc', '--file', file, '--dbname', letheUrl])
}

/** The sealed rows of a dump, read from a database of its own that it was restored into. */
export async function sealedInDump(file: string, { letheUrl, context }: Chain): Promise<SealedRow[]> {
  const name = `${new URL(letheUrl).pathname.slice(1)}_copy`
  const url = new URL(`/${name}`, letheUrl).href
  const drop = `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`
  const atServer = (text: string) =>
    withClient(new URL('/postgres', letheUrl).href, (client) => client.query(text))
  await atServer(drop)
  await atServer(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  try {
    const plain = ['--no-owner', '--no-privileges', '--no-publications', '--exit-on-error']
    await runFile(join(context.tools.postgresBin, 'pg_restore'), [...plain, '--dbname', url, file])
    return await sealedRows(url)
  } finally {
    await atServer(drop)
  }
}
