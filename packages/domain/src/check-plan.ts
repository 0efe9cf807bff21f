import type { log } from '@lethe/schemas'

/**
 * What makes a plan unfit to be frozen, or null. A system without a step could never be
 * acknowledged, and a cycle could never start: both would leave a request open for ever.
 */
export function planProblem(plan: Omit<log.PlanFrozen, 'at'>): string | null {
  if (plan.steps.length === 0) return 'the plan has no step; the data map must name at least one system'
  const steps = new Map(plan.steps.map((step) => [step.stepId, step]))
  const systems = new Map(plan.systems.map((system) => [system.systemId, system]))
  if (steps.size !== plan.steps.length) return 'two steps of the plan have the same id'
  if (systems.size !== plan.systems.length) return 'two systems of the plan have the same id'
  for (const step of plan.steps) {
    if (!systems.has(step.systemId)) return `step ${step.stepId} is of a system the plan does not list`
    const missing = step.after.find((stepId) => !steps.has(stepId))
    if (missing !== undefined) return `step ${step.stepId} waits for ${missing}, which is not in the plan`
  }
  for (const systemId of systems.keys()) {
    if (!plan.steps.some((step) => step.systemId === systemId)) return `system ${systemId} has no step`
    if (plan.notApplicable.some((exempt) => exempt.systemId === systemId)) {
      return `system ${systemId} is both planned and not applicable`
    }
  }
  const twice = plan.systems.find((system) => system.byHand != null && system.derivedFrom.length > 0)
  if (twice !== undefined) return `system ${twice.systemId} is erased by hand and copies another one`
  if (cyclic(new Map(plan.steps.map((step) => [step.stepId, step.after]))))
    return 'the steps wait for each other'
  if (cyclic(new Map(plan.systems.map((system) => [system.systemId, system.derivedFrom])))) {
    return 'the systems are derived from each other'
  }
  return null
}

/** Whether following the edges from some node leads back to it. Edges out of the map are ignored. */
function cyclic(edges: ReadonlyMap<string, readonly string[]>): boolean {
  const open = new Map(edges)
  let size = -1
  while (open.size !== size) {
    size = open.size
    for (const [node, targets] of open) {
      if (!targets.some((target) => open.has(target))) open.delete(node)
    }
  }
  return open.size > 0
}
