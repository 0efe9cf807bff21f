import { parseRow, type Queryable, selectList } from '../projection.js'
import { type StepRow, steps } from './fold.js'

/** The steps of one request in the order of their stages. */
export async function stepsOf(db: Queryable, requestId: string): Promise<StepRow[]> {
  const { rows } = await db.query(
    `SELECT ${selectList(steps)} FROM read_model.steps WHERE request_id = $1 ORDER BY stage, step_id`,
    [requestId],
  )
  return rows.map((row) => parseRow(steps, row))
}
