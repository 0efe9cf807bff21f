import type { RequestState } from '@lethe/domain'
import type { Queryable } from '../projections/projection.js'
import type { Change } from '../projections/upsert.js'

/** What requests are counted by. */
interface Cell {
  readonly tenantId: string
  readonly status: string
  readonly liveErased: boolean
  readonly backupClear: boolean
}

const cellOf = ({ tenantId, status, liveErasedAt, backupClear }: RequestState): Cell => ({
  tenantId,
  status,
  liveErased: liveErasedAt !== null,
  backupClear,
})

/** What a transaction adds to each cell it changes; cells that stay as they are do not appear. */
export function differences(changes: readonly Change[]): (Cell & { n: number })[] {
  const cells = new Map<string, Cell & { n: number }>()
  const add = (state: RequestState, n: number) => {
    const cell = cellOf(state)
    const name = JSON.stringify(cell)
    cells.set(name, { ...cell, n: (cells.get(name)?.n ?? 0) + n })
  }
  for (const { before, after } of changes) {
    if (before !== null) add(before, -1)
    add(after, 1)
  }
  return [...cells.values()].filter(({ n }) => n !== 0)
}

/** The statement that keeps the counts true, or none. It waits for nobody: rows are only added. */
export function counting(client: Queryable, changes: readonly Change[]): (() => Promise<void>)[] {
  const rows = differences(changes)
  if (rows.length === 0) return []
  const values = [
    rows.map(({ tenantId }) => tenantId),
    rows.map(({ status }) => status),
    rows.map(({ liveErased }) => liveErased),
    rows.map(({ backupClear }) => backupClear),
    rows.map(({ n }) => n),
  ]
  return [async () => void (await client.query({ name: 'lethe_count', text: INSERT, values }))]
}

const INSERT = `
  INSERT INTO read_model.request_counts (tenant_id, status, live_erased, backup_clear, n)
  SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::bigint[])`
