import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openContext, type StackContext, urlAs } from '@lethe/infra'
import pg from 'pg'
import type { Person } from '../shop/oracle.js'
import { line } from './print.js'

const run = promisify(execFile)

export interface ShopBackup {
  readonly file: string
  readonly takenAt: Date
  drop(): void
}

/**
 * A dump of the shop as it is, markers and all, or null where there is no pg_dump to make one with.
 *
 * @param given another stack than the one that runs by default
 */
export async function backUpShop(given?: StackContext): Promise<ShopBackup | null> {
  const context = given ?? (await openContext())
  const program = join(context.tools.postgresBin, 'pg_dump')
  if (context.tools.postgresBin === '' || !existsSync(program)) return null
  await marked(context)
  const folder = mkdtempSync(join(tmpdir(), 'lethe-backup-'))
  const file = join(folder, 'shop.dump')
  const takenAt = new Date()
  await run(program, ['--format=custom', '--file', file, '--dbname', context.at.shopPostgresUrl])
  return { file, takenAt, drop: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A backup that was never marked is one of unknown age: such a store waits for a person. */
async function marked({ at }: StackContext): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const value = await ask(
      at.shopPostgresUrl,
      'SELECT value FROM lethe.marker WHERE value IS NOT NULL',
    ).catch(() => [])
    if (value.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the restore service never marked the shop; see: npm run lethe -- logs restore')
}

/** Puts the dump in the place of the shop, as somebody does who has never heard of Lethe. */
export async function restoreShop({ file }: ShopBackup, given?: StackContext): Promise<void> {
  const { tools, at } = given ?? (await openContext())
  const server = new URL('/postgres', at.shopPostgresUrl).href
  const name = pg.escapeIdentifier(new URL(at.shopPostgresUrl).pathname.slice(1))
  await ask(server, `DROP DATABASE ${name} WITH (FORCE)`)
  await run(join(tools.postgresBin, 'pg_restore'), ['--create', '--dbname', server, file])
}

/** Rows, a gate that is shut, or a database that is not there at the moment. */
export type Seen = { readonly sees: number } | 'refused' | 'away'

/** What PostgreSQL says to someone who may not connect. */
const INSUFFICIENT_PRIVILEGE = '42501'

/** What the shop's application sees of the person. */
async function asApplication(person: Person): Promise<Seen> {
  const { at, secrets } = await openContext()
  const url = urlAs(at.shopPostgresUrl, 'shop_app', secrets.password('shop_app'))
  const sql = 'SELECT count(*)::int AS n FROM users WHERE tenant_id = $1 AND email = $2'
  try {
    const [row] = await ask(url, sql, [person.tenantId, person.email])
    return { sees: Number(row?.n) }
  } catch (error) {
    return (error as { code?: string }).code === INSUFFICIENT_PRIVILEGE ? 'refused' : 'away'
  }
}

/**
 * Asks as the application, over and over, and prints each change. Resolves when the restore has ended and the
 * application is back and sees nobody.
 */
export async function watchAsApplication(
  person: Person,
  restoring: Promise<unknown>,
  signal: AbortSignal,
): Promise<Seen[]> {
  const begun = performance.now()
  const changes: Seen[] = []
  let restored = false
  restoring.then(
    () => {
      restored = true
    },
    () => undefined,
  )
  for (;;) {
    signal.throwIfAborted()
    if (performance.now() - begun > 120_000) throw new Error('the gate did not open within two minutes')
    const seen = await asApplication(person)
    if (JSON.stringify(seen) !== JSON.stringify(changes.at(-1))) {
      changes.push(seen)
      line(
        `${((performance.now() - begun) / 1000).toFixed(2).padStart(6)} s  the application ${inWords(seen, person)}`,
      )
    }
    if (restored && changes.includes('refused') && seen !== 'refused' && seen !== 'away' && seen.sees === 0)
      return changes
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function inWords(seen: Seen, { email }: Person): string {
  if (seen === 'away') return 'finds no database: it is being restored'
  if (seen === 'refused') return 'is kept out: the gate is shut'
  return `sees ${seen.sees} rows of ${email}`
}

async function ask(url: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}
