import type { Policy, RequestState } from '@lethe/domain'
import type { Queryable } from './projection.js'
import { requests } from './requests/fold.js'
import { steps } from './steps/fold.js'
import { tombstones } from './tombstones/fold.js'
import { type Change, projecting, upsert } from './upsert.js'
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

/** Writes all rows of these states into another schema, for `rebuild`. */
export async function projectInto(
  client: Queryable,
  schema: string,
  states: readonly RequestState[],
  policy: Policy,
): Promise<void> {
  await upsert(
    client,
    schema,
    requests,
    states.flatMap((state) => requests.rows(state, policy)),
  )
  await upsert(
    client,
    schema,
    steps,
    states.flatMap((state) => steps.rows(state, policy)),
  )
  await upsert(
    client,
    schema,
    verifications,
    states.flatMap((state) => verifications.rows(state, policy)),
  )
  await upsert(
    client,
    schema,
    tombstones,
    states.flatMap((state) => tombstones.rows(state, policy)),
  )
}
