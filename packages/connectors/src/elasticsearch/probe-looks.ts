import type { IdentifierType, TenantRule } from '@lethe/eraser-kit'
import type { ElasticsearchElement, ElasticsearchSystem } from './grammar.js'
import type { ProbeField, ProbeIndex } from './probe-shape.js'

/** One field of one index to look into for one type of identifier. */
export interface Look {
  readonly field: ProbeField
  readonly type: IdentifierType
  /** Creation field for identifiers that may belong to someone who signed up again. */
  readonly createdAt: string | null
  /** Only documents that have it. */
  readonly dated?: true
}

/** What to look into for the people of one tenant. */
export interface IndexLook {
  readonly index: ProbeIndex
  /** The data map's name of the index, or its own when the map doesn't know it. */
  readonly collection: string
  readonly mapped: boolean
  /** Field that must name the tenant, or null where all documents are the tenant's or nobody can say. */
  readonly tenantField: ProbeField | null
  readonly looks: readonly Look[]
  /** What a law keeps in this index: whose documents, and until when. */
  readonly exempt: readonly Exemption[]
}

export interface Exemption {
  readonly field: ProbeField
  readonly type: IdentifierType
  readonly until: string | null
}

const PERSON =
  /^((user|customer|member|account|owner|author|person|subject|client|buyer|sender|recipient|actor)(_?(id|uuid|ref|key))?|(created|updated|deleted)_?by)$/i
const NAMES: Readonly<Record<string, RegExp>> = {
  email: /e_?mail/i,
  phone: /(phone|mobile|msisdn)/i,
}

/**
 * Every index that is or may be this tenant's, with every field that holds or by its name could hold an identifier; with
 * `mappedOnly` fields the map names.
 */
export function looksFor(
  shape: readonly ProbeIndex[],
  system: ElasticsearchSystem,
  rule: TenantRule,
  canonical: IdentifierType,
  tenantId: string,
  types: readonly IdentifierType[],
  mappedOnly = false,
): IndexLook[] {
  const tenants = knownTenants(shape, system)
  return shape.flatMap((index): IndexLook[] => {
    const elements = system.indices.filter((one) =>
      namesOf(index).some((name) => matches(one.name, name) !== null),
    )
    const owners = elements.flatMap((one) => namesOf(index).flatMap((name) => matches(one.name, name) ?? []))
    const named = owners.filter((owner) => owner !== '')
    if (named.length > 0 && !named.includes(tenantId)) return []
    const looks = index.fields.flatMap((field) =>
      looksInto(field, index, elements, system, canonical, types, mappedOnly),
    )
    const tenantField = named.length > 0 ? null : tenantFieldOf(index, rule)
    const ofAnother =
      'column' in rule && named.length === 0 && tenantField === null && !isMine(index, tenantId, tenants)
    if (looks.length === 0 || ofAnother) return []
    const collection = elements[0]?.name ?? index.name
    const exempt = elements.flatMap((one) => exemptionOf(one, index, canonical))
    return [{ index, collection, mapped: elements.length > 0, tenantField, looks, exempt }]
  })
}

function exemptionOf(one: ElasticsearchElement, index: ProbeIndex, canonical: IdentifierType): Exemption[] {
  const field = index.fields.find(({ path }) => path === one.by)
  if (one.method !== 'retain' || !field) return []
  return [{ field, type: one.identifier ?? canonical, until: one.retain?.until ?? null }]
}

const namesOf = (index: ProbeIndex) => [index.name, ...index.aliases]

/** The tenant in a name, '' for a name without one, null when the name is another. */
function matches(template: string, name: string): string | null {
  const [before = '', after] = template.split('{tenant}')
  if (after === undefined) return name === template ? '' : null
  const long = name.length > before.length + after.length
  return long && name.startsWith(before) && name.endsWith(after)
    ? name.slice(before.length, -after.length || undefined)
    : null
}

function looksInto(
  field: ProbeField,
  index: ProbeIndex,
  elements: readonly ElasticsearchElement[],
  system: ElasticsearchSystem,
  canonical: IdentifierType,
  types: readonly IdentifierType[],
  mappedOnly: boolean,
): Look[] {
  if (system.ignore?.some((one) => namesOf(index).some((name) => one === `${name}.${field.path}`))) return []
  const known = elements.filter(({ by }) => by === field.path).map((one) => one.identifier ?? canonical)
  const created = elements.find((one) => one.createdAt)?.createdAt ?? null
  return types
    .filter((type) =>
      known.length > 0 ? known.includes(type) : !mappedOnly && couldHold(field.path, type, canonical, system),
    )
    .map((type) => ({ field, type, createdAt: type === canonical ? null : created }))
}

function couldHold(
  path: string,
  type: IdentifierType,
  canonical: IdentifierType,
  system: ElasticsearchSystem,
): boolean {
  const parts = path.split('.')
  const names = [parts.at(-1) ?? '', parts.slice(-2).join('_')]
  const pattern = NAMES[type]
  if (pattern) return names.some((name) => pattern.test(name))
  if (type.startsWith('vendor:'))
    return names.some((name) => name.toLowerCase().includes(type.slice('vendor:'.length)))
  const mapped = system.indices.filter((one) => (one.identifier ?? canonical) === type).map(({ by }) => by)
  return names.some((name) => name === type || PERSON.test(name)) || mapped.includes(path)
}

function tenantFieldOf(index: ProbeIndex, rule: TenantRule): ProbeField | null {
  if (!('column' in rule)) return null
  return (
    index.fields.find(({ path, as }) => path === rule.column && (as === 'keyword' || as === 'integer')) ??
    null
  )
}

/** Tenants that have an index named after them. */
function knownTenants(shape: readonly ProbeIndex[], system: ElasticsearchSystem): ReadonlySet<string> {
  const found = shape.flatMap((index) =>
    namesOf(index).flatMap((name) => system.indices.flatMap((one) => matches(one.name, name) ?? [])),
  )
  return new Set(found.filter((tenant) => tenant !== ''))
}

/** An index that says of no document whose it is: left out only when its name is another tenant's. */
function isMine(index: ProbeIndex, tenantId: string, tenants: ReadonlySet<string>): boolean {
  const parts = namesOf(index).flatMap((name) => [name, ...name.split(/[._-]/)])
  return parts.includes(tenantId) || !parts.some((part) => tenants.has(part))
}
