import {
  compilePlan,
  type DataMap,
  instructionsOf,
  type MapKinds,
  type MapSystem,
  PlanError,
  parseDataMap,
} from '@lethe/data-map'

/** One kind of record the map names in a system, and what becomes of it. */
export interface Element {
  readonly name: string
  /** As the map writes it; `delete` where its kind knows nothing else. */
  readonly method: string
  readonly category: string | null
  readonly basis: string | null
}

export interface OutlinedSystem {
  readonly systemId: string
  readonly kind: string
  /** Why the system holds nothing of a person; null where it may. */
  readonly notApplicable: string | null
  readonly ceiling: number | null
  /** Milliseconds. */
  readonly settleMs: number
  readonly after: readonly string[]
  readonly derivedFrom: readonly string[]
  readonly resolves: readonly string[]
  readonly backups: readonly { readonly name: string; readonly keepMs: number }[]
  readonly elements: readonly Element[]
  /** What a person does there by hand; null where an eraser works. */
  readonly task: { readonly instructions: string; readonly role: string; readonly withinMs: number } | null
}

export interface Outline {
  readonly identifiers: readonly string[]
  readonly tenant: string
  readonly systems: readonly OutlinedSystem[]
  /** In the order of an erasure; null where the map leads to no plan. */
  readonly steps:
    | readonly {
        readonly stepId: string
        readonly systemId: string
        readonly stage: number
        readonly after: readonly string[]
      }[]
    | null
}

/** What a data map says, for people; null for a text that is none, or has kinds nobody here knows. */
export function outlineOf(text: string, kinds: MapKinds): Outline | null {
  const parsed = parseDataMap(text, kinds)
  if (!parsed.ok) return null
  const { map } = parsed
  return {
    identifiers: [map.identifiers.canonical, ...map.identifiers.alias],
    tenant: tenantOf(map),
    systems: Object.values(map.systems).map((system) => systemOf(system, kinds)),
    steps: stepsOf(map, kinds),
  }
}

function tenantOf({ tenant }: DataMap): string {
  if ('column' in tenant) return `by ${tenant.column}`
  return 'constant' in tenant ? `only ${tenant.constant}` : 'none'
}

function stepsOf(map: DataMap, kinds: MapKinds): Outline['steps'] {
  try {
    const tenantId = 'constant' in map.tenant ? map.tenant.constant : 'any'
    return compilePlan(map, kinds, tenantId).steps.map(({ stepId, systemId, stage, after }) => ({
      stepId,
      systemId,
      stage,
      after,
    }))
  } catch (error) {
    if (error instanceof PlanError) return null
    throw error
  }
}

function systemOf(system: MapSystem, kinds: MapKinds): OutlinedSystem {
  const task = taskOf(system, kinds)
  const { systemId, kind, notApplicable = null, ceiling, settleMs, after, derivedFrom, backups } = system
  return {
    systemId,
    kind,
    notApplicable,
    ceiling,
    settleMs,
    after,
    derivedFrom,
    resolves: Object.keys(system.resolves ?? {}),
    backups: backups.map(({ name, keepMs }) => ({ name, keepMs })),
    elements: task === null ? elementsOf(system.body) : [byHand],
    task,
  }
}

const byHand: Element = { name: 'what a person finds', method: 'manual', category: null, basis: null }

function taskOf(system: MapSystem, kinds: MapKinds): OutlinedSystem['task'] {
  const instructions = instructionsOf(system)
  const task = system.body === null ? undefined : kinds[system.kind]?.byHand?.(system.body)
  return instructions === null || task === undefined ? null : { instructions, ...task }
}

/** Under which keys kinds list what they hold, and what they call one there. */
const lists = { elements: 'table', indices: 'name', keys: 'key', sets: 'set' } as const

function elementsOf(body: unknown): Element[] {
  if (typeof body !== 'object' || body === null) return []
  const section = body as Readonly<Record<string, unknown>>
  return Object.entries(lists).flatMap(([list, name]) => {
    const entries = section[list]
    return Array.isArray(entries) ? entries.map((entry) => elementOf(entry, name)) : []
  })
}

function elementOf(entry: unknown, called: string): Element {
  if (typeof entry === 'string') return { name: entry, method: 'delete', category: null, basis: null }
  const fields = (entry ?? {}) as Readonly<Record<string, unknown>>
  const text = (field: string): string | null => {
    const value = fields[field]
    return typeof value === 'string' ? value : null
  }
  const templates = [text(called), text('key'), text('template'), text('name')]
  return {
    name: templates.find((one) => one !== null) ?? 'not named',
    method: text('method') ?? 'delete',
    category: text('category'),
    basis: text('basis'),
  }
}
