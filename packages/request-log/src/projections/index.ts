import type { Policy, RequestState } from '@lethe/domain'
import { backToBack } from '@lethe/event-store'
import type { Projection, Queryable } from './projection.js'
import { requests } from './requests/fold.js'
import { steps } from './steps/fold.js'
import { tombstones } from './tombstones/fold.js'
import { type Change, insert, projecting } from './upsert.js'
import { verifications } from './verifications/fold.js'

/** Every read model, in the order all writers lock their tables. */
export const projections = [requests, steps, verifications, tombstones] as const

/** The statements that bring all read models up to date with these requests, in the tables' order. */
export function projectingAll(
  client: Queryable,
  changes: readonly Change[],
  policy: Policy,
): (() => Promise<void>)[] {
  return [
    ...projecting(client, requests, changes, policy),
    ...projecting(client, steps, changes, policy),
    ...projecting(client, verifications, changes, policy),
    ...projecting(client, tombstones, changes, policy),
  ]
}

/** Adds all rows of these states to the tables of another schema, for `rebuild`. */
export async function projectInto(
  client: Queryable,
  schema: string,
  states: readonly RequestState[],
  policy: Policy,
): Promise<void> {
  const add = <Row extends object>(projection: Projection<Row>) =>
    insert(
      client,
      schema,
      projection,
      states.flatMap((state) => projection.rows(state, policy)),
    )
  await backToBack(client, [
    () => add(requests),
    () => add(steps),
    () => add(verifications),
    () => add(tombstones),
  ])
}
