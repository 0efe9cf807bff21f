import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withClient } from '@lethe/infra'
import pg from 'pg'
import type { Chain } from './chain.js'

const runFile = promisify(execFile)

/** What an operator's nightly backup of this database would hold now. */
export async function dumpTo(
  file: string,
  { context }: Chain,
  url: string,
  options: readonly string[] = [],
): Promise<void> {
  await runFile(join(context.tools.postgresBin, 'pg_dump'), [
    '-Fc',
    ...options,
    '--file',
    file,
    '--dbname',
    url,
  ])
}

/** Restores a dump beside the database it was taken of, lets `work` have it, and drops it. */
export async function withRestored<T>(
  file: string,
  { context }: Chain,
  of: string,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const name = `${new URL(of).pathname.slice(1)}_copy`
  const url = new URL(`/${name}`, of).href
  const drop = `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`
  const atServer = (text: string) => withClient(new URL('/postgres', of).href, (client) => client.query(text))
  await atServer(drop)
  await atServer(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  try {
    const plain = ['--no-owner', '--no-privileges', '--no-publications', '--exit-on-error']
    await runFile(join(context.tools.postgresBin, 'pg_restore'), [...plain, '--dbname', url, file])
    return await work(url)
  } finally {
    await atServer(drop)
  }
}
