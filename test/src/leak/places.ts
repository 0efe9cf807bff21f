import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { StateDir, withClient } from '@lethe/infra'
import type { Chain } from '../harness/chain.js'
import { connectAnswers } from './connect.js'
import { segments } from './kafka-segments.js'
import { processes } from './processes.js'

/** Bytes of one file, table or answer. */
export interface Piece {
  readonly place: Place
  readonly name: string
  readonly bytes: Buffer
}
export type Place =
  | 'kafka'
  | 'table'
  | 'dump'
  | 'file'
  | 'wal'
  | 'log'
  | 'registry'
  | 'connect'
  | 'metrics'
  | 'http'
  | 'trace'
  | 'cli'
  | 'demo'
  | 'cmdline'
  | 'environ'

/** Logs of the servers that Lethe runs on. The shop's own servers may know its customers. */
const serverLogs = ['kafka.log', 'connect.log', 'registry.log', 'postgres-lethe.log']

const runFile = promisify(execFile)

/**
 * Everything Lethe and its servers keep or show, except the stores it erases from. Files nobody wrote to since
 * `sinceMs` are left out: what did not exist then can not be in them.
 */
export async function everywhere(
  chain: Chain,
  metricsUrls: readonly string[],
  sinceMs: number,
): Promise<Piece[]> {
  const servers = new StateDir()
  return [
    ...(await tables(chain.letheUrl)),
    await dump(chain.letheUrl, chain.context.tools.postgresBin),
    ...(await databaseFiles(chain.letheUrl, sinceMs)),
    ...segments(servers.folder('data', 'kafka'), sinceMs).map(
      ({ file, bytes, compressedBatches }): Piece => ({
        place: 'kafka',
        name: compressedBatches > 0 ? `${file} (unpacked)` : file,
        bytes,
      }),
    ),
    ...logs(chain.context.state.folder('logs'), sinceMs),
    ...logs(servers.folder('logs'), sinceMs).filter(({ name }) => serverLogs.includes(basename(name))),
    ...filesBelow(servers.folder('data', 'registry'), 'registry', sinceMs),
    ...(await Promise.all(metricsUrls.map(metrics))),
    ...(await connectAnswers(chain)),
    ...processes(),
  ]
}

/** Every table of the database as text, bytea as hex. */
async function tables(url: string): Promise<Piece[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`,
    )
    const pieces: Piece[] = []
    for (const { name } of rows) {
      const found = await client.query<{ text: string }>(`SELECT t::text AS text FROM ${name} AS t`)
      const text = found.rows.map((row) => row.text).join('\n')
      pieces.push({ place: 'table', name, bytes: Buffer.from(text) })
    }
    return pieces
  })
}

async function dump(url: string, bin: string): Promise<Piece> {
  const args = ['--dbname', url, '--no-owner']
  const { stdout } = await runFile(join(bin, 'pg_dump'), args, { encoding: 'buffer', maxBuffer: 1 << 30 })
  return { place: 'dump', name: 'pg_dump', bytes: stdout }
}

/** This database's heap, indexes and TOAST after a checkpoint, what all databases share, and the WAL. */
async function databaseFiles(url: string, sinceMs: number): Promise<Piece[]> {
  const { folder, oid } = await withClient(url, async (client) => {
    await client.query('CHECKPOINT')
    const { rows } = await client.query<{ folder: string; oid: string }>(
      `SELECT current_setting('data_directory') AS folder, oid::text FROM pg_database WHERE datname = current_database()`,
    )
    return rows[0] as { folder: string; oid: string }
  })
  return [
    ...filesBelow(join(folder, 'base', oid), 'file', sinceMs),
    ...['global', 'pg_replslot', 'pg_logical', 'pg_stat', 'pg_stat_tmp'].flatMap((part) =>
      filesBelow(join(folder, part), 'file', sinceMs),
    ),
    ...filesBelow(join(folder, 'pg_wal'), 'wal', sinceMs),
  ]
}

function logs(folder: string, sinceMs: number): Piece[] {
  return filesBelow(folder, 'log', sinceMs)
}

function filesBelow(folder: string, place: Place, sinceMs: number): Piece[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const name = join(entry.parentPath, entry.name)
      // PostgreSQL may have removed a file since the folder was read.
      const found = statSync(name, { throwIfNoEntry: false })
      if (!found || found.mtimeMs < sinceMs) return []
      return [{ place, name, bytes: readFileSync(name) }]
    })
}

async function metrics(url: string): Promise<Piece> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return { place: 'metrics', name: url, bytes: Buffer.from(await response.text()) }
}

/** /metrics of every process of the chain. */
export function metricsOf({ context: { at } }: Chain): string[] {
  const ports = Object.values(at.erasers).flatMap(({ erase, probe }) => [erase, probe])
  const bases = [at.requestUrl, at.aggregatorUrl, ...ports.map((port) => `http://127.0.0.1:${port}`)]
  return bases.map((base) => `${base}/metrics`)
}
