import type { log } from '@lethe/schemas'
import { ancestors, findCycle, sorted } from './graph.js'
import type { DataMap, IdentifierType, MapKinds, MapSystem, Stage } from './types.js'

export type Plan = Omit<log.PlanFrozen, 'at'>

/** The default order: what copies goes first, the system of record last, then what is derived once more. */
const STAGES: Readonly<Record<Stage, number>> = {
  cache: 1,
  search: 2,
  files: 3,
  documents: 3,
  analytics: 4,
  payments: 5,
  support: 5,
  marketing: 5,
  record: 6,
}
const FIRST_REPEAT = 7

/** A plan cannot be made; `code` is one of the problem codes of the API. */
export class PlanError extends Error {
  constructor(
    readonly code: 'map_invalid' | 'unknown_tenant',
    message: string,
  ) {
    super(message)
    this.name = 'PlanError'
  }
}

/**
 * The steps of an erasure, as of this map. Deterministic: the same map gives the same bytes.
 * A step waits for every step of the stage before it and for what `after` names; a system with
 * `derivedFrom` gets a second step once its sources are done, unless its first one comes later than
 * they do anyway. Throws `PlanError` for a tenant the map excludes or a map that leads in a circle.
 */
export function compilePlan(map: DataMap, kinds: MapKinds, tenantId: string): Plan {
  if ('constant' in map.tenant && map.tenant.constant !== tenantId) {
    throw new PlanError('unknown_tenant', 'the data map holds one tenant only, and it is another one')
  }
  const systems = Object.values(map.systems).sort((left, right) => (left.systemId < right.systemId ? -1 : 1))
  const planned = systems.filter((system) => system.notApplicable === undefined)
  const after = relation(map, planned, 'after')
  const sources = relation(map, planned, 'derivedFrom')
  const steps = new Map<string, log.PlanStep>()
  firstSteps(planned, kinds, after, steps)
  repeatedSteps(sources, steps)
  return {
    mapVersion: map.version,
    mapDigest: map.digest,
    steps: ordered(steps),
    systems: planned.map((system) => ({
      systemId: system.systemId,
      kind: system.kind,
      settleMs: system.settleMs,
      ceiling: system.ceiling,
      backups: system.backups.map(({ name, keepMs }) => ({ name, keepMs })),
      derivedFrom: sources.get(system.systemId) ?? [],
      byHand: kindOf(kinds, system).byHand?.(system.body) ?? null,
    })),
    notApplicable: systems.flatMap(({ systemId, notApplicable: reason }) =>
      reason === undefined ? [] : [{ systemId, reason }],
    ),
  }
}

/** Which identifier types each system must be given; systems that are not applicable need none. */
export function identifiersNeeded(map: DataMap, kinds: MapKinds): Record<string, IdentifierType[]> {
  return Object.fromEntries(
    Object.values(map.systems).map((system) => {
      const types =
        system.notApplicable === undefined
          ? kindOf(kinds, system).identifiers(system.body, map.identifiers.canonical)
          : []
      return [system.systemId, [...new Set(types)].sort()]
    }),
  )
}

function kindOf(kinds: MapKinds, system: MapSystem) {
  const kind = Object.hasOwn(kinds, system.kind) ? kinds[system.kind] : undefined
  if (!kind)
    throw new PlanError('map_invalid', `no connector knows kind "${system.kind}" of "${system.systemId}"`)
  return kind
}

/** Edges among planned systems; one that holds nothing passes its own on, so that order survives it. */
function relation(
  map: DataMap,
  planned: readonly MapSystem[],
  name: 'after' | 'derivedFrom',
): Map<string, string[]> {
  const cycle = findCycle(
    new Map(Object.values(map.systems).map((system) => [system.systemId, system[name]])),
  )
  if (cycle) throw new PlanError('map_invalid', `${name} leads back to itself: ${cycle.join(' → ')}`)
  const through = (id: string): string[] => {
    const system = Object.hasOwn(map.systems, id) ? map.systems[id] : undefined
    if (!system) throw new PlanError('map_invalid', `${name} names "${id}", which is not in the map`)
    return system.notApplicable === undefined ? [id] : system[name].flatMap(through)
  }
  return new Map(
    planned.map((system) => [system.systemId, [...new Set(system[name].flatMap(through))].sort()]),
  )
}

/** A system that must follow another one is never in an earlier stage than it, so no circle can arise. */
function firstSteps(
  planned: readonly MapSystem[],
  kinds: MapKinds,
  after: ReadonlyMap<string, readonly string[]>,
  steps: Map<string, log.PlanStep>,
): void {
  const stages = new Map<string, number>()
  const systems = new Map(planned.map((system) => [system.systemId, system]))
  for (const id of sorted(after)) {
    const system = systems.get(id)
    if (!system) continue
    const own = STAGES[kindOf(kinds, system).stage]
    stages.set(id, Math.max(own, ...(after.get(id) ?? []).map((name) => stages.get(name) ?? 0)))
  }
  for (const [id, stage] of stages) {
    const before = Math.max(0, ...[...stages.values()].filter((other) => other < stage))
    const previous = [...stages].filter(([, other]) => other === before).map(([name]) => name)
    const names = new Set([...previous, ...(after.get(id) ?? [])])
    steps.set(`${id}#1`, {
      stepId: `${id}#1`,
      systemId: id,
      stage,
      after: [...names].map((n) => `${n}#1`).sort(),
    })
  }
}

function repeatedSteps(
  sources: ReadonlyMap<string, readonly string[]>,
  steps: Map<string, log.PlanStep>,
): void {
  const last = new Map([...sources.keys()].map((id) => [id, `${id}#1`]))
  for (const id of sorted(sources)) {
    const waitFor = (sources.get(id) ?? []).map((source) => last.get(source) ?? `${source}#1`)
    const before = ancestors(new Map([...steps].map(([stepId, step]) => [stepId, step.after])), `${id}#1`)
    if (waitFor.every((stepId) => before.has(stepId))) continue
    const stage = Math.max(FIRST_REPEAT, ...waitFor.map((stepId) => (steps.get(stepId)?.stage ?? 0) + 1))
    const after = [...new Set([`${id}#1`, ...waitFor])].sort()
    steps.set(`${id}#2`, { stepId: `${id}#2`, systemId: id, stage, after })
    last.set(id, `${id}#2`)
  }
}

/** By stage, then so that every step comes after what it waits for, then by name. */
function ordered(steps: ReadonlyMap<string, log.PlanStep>): log.PlanStep[] {
  const order = sorted(new Map([...steps].map(([stepId, step]) => [stepId, step.after])))
  const all = order.flatMap((stepId) => steps.get(stepId) ?? [])
  return all
    .map((step, index) => ({ step, index }))
    .sort((a, b) => a.step.stage - b.step.stage || a.index - b.index)
    .map(({ step }) => step)
}
