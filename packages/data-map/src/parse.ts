import { digestOf } from './canonical-json.js'
import { checkBackups, checkBy, checkDeclared, checkIdentifiers, checkOrder } from './checks.js'
import { durationMs } from './duration.js'
import { explain } from './explain.js'
import { type CommonSection, commonSchema, type Envelope, envelopeSchema } from './grammar.js'
import { meaningless } from './manual.js'
import { readSource, type Source } from './source.js'
import type { DataMap, MapKind, MapKinds, MapSystem, Problem } from './types.js'

export type ParsedDataMap =
  | { readonly ok: true; readonly map: DataMap }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const COMMON_KEYS = Object.keys(commonSchema.shape)
/** `resolves` is everybody's business and the kind's own: it reads the columns named there. */
const SHARED_KEYS = new Set(['resolves'])

/**
 * Reads and checks a data map; pure, and the same text gives the same answer. Problems come all at
 * once, in the order of their lines. Never throws on anything a file can hold.
 */
export function parseDataMap(text: string, kinds: MapKinds): ParsedDataMap {
  const read = readSource(text)
  if (!read.ok) return read
  const { source } = read
  const envelope = envelopeSchema.safeParse(source.value)
  if (!envelope.success) {
    const known = Object.keys(envelopeSchema.shape)
    return refused(explain(source, [], source.value, envelope.error.issues, known))
  }
  const problems: Problem[] = checkIdentifiers(source, envelope.data)
  const systems = new Map<string, MapSystem>()
  const sections = new Map<string, CommonSection>()
  for (const id of Object.keys(envelope.data.systems).sort()) {
    const system = parseSystem(source, envelope.data, id, kinds, problems)
    if (!system) continue
    sections.set(id, system.section)
    systems.set(id, system.system)
  }
  // An unreadable section must not make the names that point to it look unknown as well.
  if (sections.size === Object.keys(envelope.data.systems).length)
    problems.push(...checkOrder(source, sections))
  if (problems.length > 0) return refused(problems)
  const { version, tenant, identifiers } = envelope.data
  const digest = digestOf(source.value)
  const all = withNeverHeld([...systems.values()], kinds)
  return { ok: true, map: { version, digest, tenant, identifiers, systems: Object.fromEntries(all) } }
}

/** What one system's section takes for granted of identifiers is told to those who can look them up. */
function withNeverHeld(systems: readonly MapSystem[], kinds: MapKinds): (readonly [string, MapSystem])[] {
  const held = new Map<string, Set<string>>()
  for (const { kind, body } of systems) {
    const said = body === null ? {} : (kinds[kind]?.neverHeld?.(body) ?? {})
    for (const [type, characters = ''] of Object.entries(said))
      held.set(type, new Set([...(held.get(type) ?? []), ...characters]))
  }
  return systems.map((system) => {
    const types = Object.keys(system.resolves ?? {}).filter((type) => held.has(type))
    const entries = types.map((type) => [type, [...(held.get(type) ?? [])].sort().join('')])
    return [
      system.systemId,
      types.length === 0 ? system : { ...system, neverHeld: Object.fromEntries(entries) },
    ] as const
  })
}

function refused(problems: readonly Problem[]): ParsedDataMap {
  const distinct = new Map(
    problems.map((problem) => [`${problem.line} ${problem.path} ${problem.message}`, problem]),
  )
  return { ok: false, problems: [...distinct.values()].sort((left, right) => left.line - right.line) }
}

interface ParsedSystem {
  readonly section: CommonSection
  readonly system: MapSystem
}

function parseSystem(
  source: Source,
  envelope: Envelope,
  id: string,
  kinds: MapKinds,
  problems: Problem[],
): ParsedSystem | null {
  const base = ['systems', id]
  const raw = envelope.systems[id] ?? {}
  const common = commonSchema.safeParse(pick(raw, (key) => COMMON_KEYS.includes(key)))
  if (!common.success) problems.push(...explain(source, base, raw, common.error.issues))
  if (typeof raw.kind !== 'string') return null
  const byHand = Object.hasOwn(kinds, raw.kind) && kinds[raw.kind]?.byHand !== undefined
  const own = pick(raw, (key) => !COMMON_KEYS.includes(key) || (SHARED_KEYS.has(key) && !byHand))
  const exempt = common.success && common.data.notApplicable !== undefined && Object.keys(own).length === 0
  const kind = Object.hasOwn(kinds, raw.kind) ? kinds[raw.kind] : undefined
  if (!kind && !exempt) {
    const message = `no connector knows kind "${raw.kind}": use one of ${Object.keys(kinds).sort().join(', ')}, or say notApplicable: and why, without further keys`
    problems.push(source.problem([...base, 'kind'], message))
    return null
  }
  const body = kind && !exempt ? kind.system.safeParse(own) : null
  if (body && !body.success) problems.push(...explain(source, base, own, body.error.issues, knownKeys(kind)))
  if (!common.success || (body && !body.success)) return null
  if (byHand && !exempt)
    problems.push(...meaningless(raw).map(({ key, message }) => source.problem([...base, key], message)))
  if (kind && body) problems.push(...checkBody(source, envelope, id, common.data, kind, own, body.data))
  problems.push(...checkBackups(source, id, common.data))
  return { section: common.data, system: toSystem(id, common.data, body ? body.data : null) }
}

function knownKeys(kind: MapKind | undefined): string[] {
  const shape = kind && 'shape' in kind.system ? kind.system.shape : null
  return [...COMMON_KEYS, ...(shape !== null && typeof shape === 'object' ? Object.keys(shape) : [])]
}

function checkBody(
  source: Source,
  envelope: Envelope,
  id: string,
  section: CommonSection,
  kind: MapKind,
  own: Readonly<Record<string, unknown>>,
  body: unknown,
): Problem[] {
  const { canonical, alias } = envelope.identifiers
  const found = kind.check?.(body, { tenant: envelope.tenant, canonical, alias }) ?? []
  return [
    ...checkDeclared(source, envelope, id, section, kind, body),
    ...checkBy(source, envelope, ['systems', id], own),
    ...found.map((problem) => source.problem(['systems', id, ...problem.path], problem.message)),
  ]
}

function toSystem(systemId: string, section: CommonSection, body: unknown): MapSystem {
  return {
    systemId,
    kind: section.kind,
    connection: section.connection ?? systemId.toUpperCase().replaceAll('-', '_'),
    ...(section.resolves ? { resolves: section.resolves } : {}),
    ceiling: section.ceiling ?? null,
    backups: (section.backups ?? []).map(({ name, keep }) => ({ name, keepMs: durationMs(keep) ?? 0 })),
    after: distinct(section.after),
    derivedFrom: distinct(section.derivedFrom),
    settleMs: section.settle === undefined ? 0 : (durationMs(section.settle) ?? 0),
    ...(section.notApplicable === undefined ? {} : { notApplicable: section.notApplicable }),
    body,
  }
}

function distinct(names: readonly string[] = []): string[] {
  return [...new Set(names)].sort()
}

function pick(
  raw: Readonly<Record<string, unknown>>,
  wanted: (key: string) => boolean,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([key]) => wanted(key)))
}
