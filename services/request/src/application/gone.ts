import type { RequestState } from '@lethe/domain'
import type { log } from '@lethe/schemas'

export interface Gone {
  readonly alreadyGone: readonly {
    readonly systemId: string
    readonly passId: string
    readonly outcome: log.Outcome
    readonly counts: log.PassAcknowledged['counts']
  }[]
  readonly outstandingGrants: readonly {
    readonly systemId: string
    readonly passId: string
    /** Epoch milliseconds. */
    readonly expiresAt: number
  }[]
}

/** What a hold came too late for, and what may still happen until it is in effect. */
export function alreadyGone(state: RequestState): Gone {
  const passes = Object.values(state.passes)
  return {
    alreadyGone: passes.flatMap(({ passId, systemId, acknowledged }) =>
      acknowledged === null
        ? []
        : [{ systemId, passId, outcome: acknowledged.outcome, counts: acknowledged.counts }],
    ),
    outstandingGrants: passes.flatMap(({ passId, systemId, grants, acknowledged }) => {
      const last = grants.at(-1)
      return acknowledged !== null || last === undefined
        ? []
        : [{ systemId, passId, expiresAt: last.expiresAt }]
    }),
  }
}
