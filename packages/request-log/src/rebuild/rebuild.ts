import { randomBytes } from 'node:crypto'
import type { Policy } from '@lethe/domain'
import { inSnapshot } from '@lethe/event-store'
import type { Pool, PoolClient } from 'pg'
import { COUNTS, compareCounts, recount } from '../counts/recount.js'
import { writersPolicy } from '../policy.js'
import { projectInto, projections } from '../projections/index.js'
import { compareTables, type Difference } from './compare.js'
import { refold, type StreamProblem } from './refold.js'

export interface RebuildOptions {
  /** Replace the live read models when they differ. Writers wait meanwhile, readers do not. */
  readonly swap?: boolean
  /** Streams folded at a time; default 200. */
  readonly pageSize?: number
  /** The one the writers decide by; default `writersPolicy`. */
  readonly policy?: Policy
  readonly onProgress?: (done: { streams: number; events: number }) => void
}

export interface RebuildReport {
  readonly streams: number
  readonly events: number
  readonly snapshots: number
  /** True when every row, every snapshot and every stream is what the log says. */
  readonly equal: boolean
  /** Rows that differ in all, and the first hundred of them per table. */
  readonly differing: number
  readonly differences: readonly Difference[]
  /** Streams with gaps and snapshots that are not the fold of their events. */
  readonly problems: readonly StreamProblem[]
  readonly swapped: boolean
}

/**
 * Projects every request again from its events into a shadow schema and compares it with the live
 * read models, row by row and byte by byte. Both are read in one snapshot of the database, so the
 * answer is exact while writers go on. The shadow is never visible to others and gone at the end.
 *
 * Needs the owner of the database. Readers of `readAll` stand still meanwhile, because the
 * transaction holds its xid. With problems in the log nothing is swapped.
 */
export const rebuild = (pool: Pool, options: RebuildOptions = {}): Promise<RebuildReport> =>
  inSnapshot(pool, async (client) => {
    // Before the first query takes the snapshot, or rows written meanwhile would be lost by the swap.
    if (options.swap) await client.query(`LOCK TABLE ${tablesOf('read_model')} IN EXCLUSIVE MODE`)
    return rebuildIn(client, options)
  })

async function rebuildIn(client: PoolClient, options: RebuildOptions): Promise<RebuildReport> {
  const shadow = `shadow_${randomBytes(6).toString('hex')}`
  await client.query(`CREATE SCHEMA ${shadow}`)
  // Whole tables are compared, by hash: with less memory every row would go to disk and back.
  await client.query(`SET LOCAL work_mem = '128MB'`)
  for (const { table } of projections)
    await client.query(`CREATE UNLOGGED TABLE ${shadow}.${table} (LIKE read_model.${table})`)

  const totals = { streams: 0, events: 0, snapshots: 0 }
  const problems: StreamProblem[] = []
  for await (const page of refold(client, options.pageSize ?? 200)) {
    await projectInto(client, shadow, page.states, options.policy ?? writersPolicy)
    totals.streams += page.streams
    totals.events += page.events
    totals.snapshots += page.snapshots
    problems.push(...page.problems)
    options.onProgress?.({ streams: totals.streams, events: totals.events })
  }

  const { differing, differences } = await compareAll(client, shadow)
  const swapped = options.swap === true && differing > 0 && problems.length === 0
  if (swapped) await replaceLive(client, shadow)
  await client.query(`DROP SCHEMA ${shadow} CASCADE`)
  const equal = differing === 0 && problems.length === 0
  return { ...totals, equal, differing, differences, problems, swapped }
}

/** Rows of the read models, and how many requests there are of each kind. */
async function compareAll(
  client: PoolClient,
  shadow: string,
): Promise<{ differing: number; differences: Difference[] }> {
  const rows = await compareTables(client, 'read_model', shadow)
  const counts = await compareCounts(client, shadow)
  return { differing: rows.differing + counts.length, differences: [...rows.differences, ...counts] }
}

async function replaceLive(client: PoolClient, shadow: string): Promise<void> {
  for (const { table } of projections) {
    await client.query(`DELETE FROM read_model.${table}`)
    await client.query(`INSERT INTO read_model.${table} SELECT * FROM ${shadow}.${table}`)
  }
  await recount(client, shadow)
}

/** In the order writers lock them. */
function tablesOf(schema: string): string {
  return [...projections.map(({ table }) => `${schema}.${table}`), COUNTS].join(', ')
}
