import type { RequestState } from '@lethe/domain'
import type { log } from '@lethe/schemas'

/** A pass that changed nothing because it would have touched too much. */
export interface OverCeiling {
  readonly systemId: string
  readonly passId: string
  readonly ceiling: number | null
  /** Rows or keys it would have touched, over all collections. A store may stop counting above its ceiling. */
  readonly found: number
  readonly counts: Readonly<Record<string, log.CollectionCounts>>
}

/** What the second approver has to judge, while they are waited for. */
export function overCeiling(state: RequestState): OverCeiling | null {
  const { awaitingApproval: asked, plan } = state
  if (asked?.reason !== 'over_ceiling' || asked.passId === null) return null
  const pass = state.passes[asked.passId]
  if (pass === undefined) return null
  const counts = pass.acknowledged?.counts ?? {}
  return {
    systemId: pass.systemId,
    passId: pass.passId,
    ceiling: plan?.systems.find(({ systemId }) => systemId === pass.systemId)?.ceiling ?? null,
    found: Object.values(counts).reduce((sum, one) => sum + one.found, 0),
    counts,
  }
}
