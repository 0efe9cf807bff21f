/** `{tenant}_users` or `users`: which index holds a tenant's documents. Never holds an identifier of a person. */
export interface IndexName {
  /** As written in the data map; the collection's name in counts. */
  readonly text: string
  readonly before: string
  readonly after: string
  readonly tenanted: boolean
}

export type ParsedIndexName =
  | { readonly ok: true; readonly name: IndexName }
  | { readonly ok: false; readonly message: string }

/** Indices that are Lethe's own. */
export const LETHE_PREFIX = 'lethe-'
const PLACEHOLDER = '{tenant}'
const LITERAL = /^[a-z0-9._-]*$/
/** What Elasticsearch takes as a name without giving any character a meaning of its own. */
const CONCRETE = /^[a-z0-9][a-z0-9._-]{0,254}$/

/** Reads a name of the data map; says what to do when it could mean more than one index. */
export function parseIndexName(text: string): ParsedIndexName {
  const refuse = (message: string) => ({ ok: false, message }) as const
  const parts = text.split(PLACEHOLDER)
  const [before = '', after = ''] = parts
  if (parts.length > 2) return refuse('{tenant} stands twice: keep one')
  if (/[*?,]/.test(text)) return refuse('name one index, without * ? and commas')
  if (/[{}]/.test(before + after))
    return refuse('only {tenant} may stand in an index name: a person is found by the field named in by:')
  if (!LITERAL.test(before + after)) return refuse('an index name has small letters, digits, . _ and - only')
  if (text.startsWith(LETHE_PREFIX)) return refuse(`indices called ${LETHE_PREFIX}… are Lethe's own`)
  const tenanted = parts.length === 2
  if (tenanted && before + after === '')
    return refuse('write something beside {tenant}, such as {tenant}_users')
  const shown = tenanted ? `${before}t${after}` : text
  if (!CONCRETE.test(shown)) return refuse('an index name starts with a letter or a digit')
  return { ok: true, name: { text, before, after, tenanted } }
}

/** For names that the grammar has accepted. Throws on others: they must not get this far. */
export function indexNameOf(text: string): IndexName {
  const parsed = parseIndexName(text)
  if (!parsed.ok) throw new TypeError(`not an index name: ${parsed.message}`)
  return parsed.name
}

/** The index of one tenant, or null when this tenant can't be part of an index name. */
export function indexOf(name: IndexName, tenantId: string): string | null {
  if (!name.tenanted) return name.text
  if (!CONCRETE.test(tenantId)) return null
  const index = `${name.before}${tenantId}${name.after}`
  return CONCRETE.test(index) && !index.startsWith(LETHE_PREFIX) ? index : null
}

/** The tenant that an existing index belongs to by this name, or null. */
export function tenantOf(name: IndexName, index: string): string | null {
  if (!name.tenanted || index.startsWith(LETHE_PREFIX)) return null
  if (!index.startsWith(name.before) || !index.endsWith(name.after)) return null
  const tenant = index.slice(name.before.length, index.length - name.after.length)
  return index.length > name.before.length + name.after.length && CONCRETE.test(tenant) ? tenant : null
}

/**
 * Whether a tenant's index could as well be another tenant's by another name of the map: with `{tenant}_users`
 * and `{tenant}_old_users`, the first name for tenant `a_old` is the second one for tenant `a`. The longer
 * tenant is refused, since nothing in the store tells them apart.
 */
export function isAmbiguous(names: readonly IndexName[], tenantId: string): boolean {
  return names.some((name) => {
    const index = indexOf(name, tenantId)
    if (index === null || !name.tenanted) return false
    return names.some((other) => {
      const tenant = tenantOf(other, index)
      return tenant !== null && tenant !== tenantId && tenant.length < tenantId.length
    })
  })
}
