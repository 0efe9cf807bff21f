import type { RequestState } from '@lethe/domain'
import type { Projection, Queryable } from './projection.js'
import { requests } from './requests/fold.js'
import { steps } from './steps/fold.js'
import { tombstones } from './tombstones/fold.js'
import { type Change, project, upsert } from './upsert.js'
import { verifications } from './verifications/fold.js'

/** Every read model, in the order all writers lock their tables. */
export const projections = [requests, steps, verifications, tombstones] as const

/** Brings all read models up to date with these requests. */
export async function projectAll(client: Queryable, changes: readonly Change[]): Promise<void> {
  for (const projection of projections as readonly Projection<object>[])
    await project(client, projection, changes)
}

/** Writes all rows of these states into another schema, for `rebuild`. */
export async function projectInto(
  client: Queryable,
  schema: string,
  states: readonly RequestState[],
): Promise<void> {
  for (const projection of projections as readonly Projection<object>[])
    await upsert(
      client,
      schema,
      projection,
      states.flatMap((state) => projection.rows(state)),
    )
}
