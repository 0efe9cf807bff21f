import type { ClientBase } from 'pg'
import { personOf } from './people.js'

const BATCH = 5_000

export interface Given {
  readonly rows: number
  readonly tombstones: number
}

/** Seconds to delete everybody, 5,000 identifiers to a statement. */
export const anyOf = (client: ClientBase, given: Given): Promise<number> =>
  timed(async () => {
    let gone = 0
    for (const ids of batches(given))
      gone += (await client.query('DELETE FROM customers WHERE id = ANY($1::bigint[])', [ids])).rowCount ?? 0
    everybody(gone, given)
  })

/** Seconds to bring all identifiers into a temporary table and delete against it in one statement. */
export const using = (client: ClientBase, given: Given): Promise<number> =>
  timed(async () => {
    await client.query('CREATE TEMP TABLE gone (id bigint PRIMARY KEY)')
    for (const ids of batches(given))
      await client.query('INSERT INTO gone SELECT unnest($1::bigint[])', [ids])
    await client.query('ANALYZE gone')
    const { rowCount } = await client.query('DELETE FROM customers c USING gone g WHERE c.id = g.id')
    everybody(rowCount ?? 0, given)
  })

/** Seconds it would take for everybody, from a sample; `perCommit` rows to a transaction. */
export async function rowByRow(
  client: ClientBase,
  given: Given,
  perCommit: number,
  from: number,
  sample: number,
): Promise<number> {
  const took = await timed(async () => {
    for (let n = from; n < from + sample; n += perCommit) {
      await client.query('BEGIN')
      for (let m = n; m < Math.min(n + perCommit, from + sample); m++)
        await client.query({
          name: 'one',
          text: 'DELETE FROM customers WHERE id = $1',
          values: [personOf(m, given.rows)],
        })
      await client.query('COMMIT')
    }
  })
  return (took / sample) * given.tombstones
}

/** Seconds to ask for everybody, 5,000 identifiers to a query. */
export const asking = (client: ClientBase, given: Given): Promise<number> =>
  timed(async () => {
    for (const ids of batches(given)) {
      const { rowCount } = await client.query('SELECT id FROM customers WHERE id = ANY($1::bigint[])', [ids])
      if (rowCount !== 0) throw new Error('somebody who was erased is still there')
    }
  })

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1_000
}

function* batches({ rows, tombstones }: Given): Generator<number[]> {
  for (let from = 0; from < tombstones; from += BATCH)
    yield Array.from({ length: Math.min(BATCH, tombstones - from) }, (_, n) => personOf(from + n, rows))
}

function everybody(gone: number, { tombstones }: Given): void {
  if (gone !== tombstones) throw new Error(`a peer deleted ${gone} of ${tombstones}`)
}
