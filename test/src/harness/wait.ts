import { setTimeout as delay } from 'node:timers/promises'
import type { ErasureRequestView, LetheClient } from '@lethe/client'

/** Polls until `condition` holds; the error of a timeout says what was last seen. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  condition: (seen: T) => boolean,
  deadlineMs = 60_000,
): Promise<T> {
  const end = Date.now() + deadlineMs
  let seen = await look()
  while (!condition(seen)) {
    if (Date.now() > end)
      throw new Error(
        `${what} did not happen within ${deadlineMs} ms; last seen: ${JSON.stringify(seen)?.slice(0, 2_000)}`,
      )
    await delay(25)
    seen = await look()
  }
  return seen
}

/** The request once it has one of the statuses. */
export function untilStatus(
  client: LetheClient,
  requestId: string,
  statuses: readonly string[],
  deadlineMs = 120_000,
): Promise<ErasureRequestView> {
  return until(
    `status ${statuses.join(' or ')}`,
    () => client.get(requestId),
    (view) => statuses.includes(view.status),
    deadlineMs,
  )
}

/** The request once a step has one of the statuses. */
export function untilStep(
  client: LetheClient,
  requestId: string,
  stepId: string,
  statuses: readonly string[],
): Promise<ErasureRequestView> {
  return until(
    `${stepId} ${statuses.join(' or ')}`,
    () => client.get(requestId),
    (view) => view.steps.some((step) => step.stepId === stepId && statuses.includes(step.status)),
  )
}
