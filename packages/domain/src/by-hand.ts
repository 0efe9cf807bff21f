import type { log } from '@lethe/schemas'
import type { RequestState } from './request-state.js'

/** Who erases there by hand, and within what time; null for a system with an eraser. Plans of before know no task. */
export function byHandOf(state: RequestState, systemId: string): log.ByHand | null {
  return state.plan?.systems.find((system) => system.systemId === systemId)?.byHand ?? null
}

/** Somebody said what came of the task. Nobody looked, and nobody can. */
export function isAttested(state: RequestState, systemId: string): boolean {
  return Object.values(state.passes).some(
    (pass) => pass.systemId === systemId && pass.attestation !== undefined,
  )
}

/** The systems of the plan where it rests on somebody's word that the person is gone, in its order. */
export function attestedSystems(state: RequestState): string[] {
  const systems = state.plan?.systems ?? []
  return systems.flatMap(({ systemId }) => (isAttested(state, systemId) ? [systemId] : []))
}
