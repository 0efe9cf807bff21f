import { bytesText, type Wanted } from './selectors.js'
import { literalPrefix, placeholders, type Template, type Token } from './template.js'

/** A key that is somebody's: whose, and by which template. */
export interface Match {
  readonly template: Template
  readonly ord: number
  /** What the `*` covers holds a delimiter: the key may as well be that of somebody with a longer id. */
  readonly ambiguous: boolean
}

interface Pattern {
  readonly template: Template
  readonly expression: RegExp
  /** Position of the tenant among the captured values, or null. */
  readonly tenantAt: number | null
  readonly valueAt: number
  /** Position of what the `*` covers, or null: then no key can be read in two ways. */
  readonly restAt: number | null
  readonly fold: boolean
  readonly owners: Map<string, number[]>
}

/**
 * Finds the owners of keys among the people of a batch. A key is taken apart by its template and its parts
 * are looked up; an identifier is never part of a pattern. One pass over a key costs one expression per
 * template, however many people there are.
 */
export class KeyMatcher {
  private readonly patterns: readonly Pattern[]

  constructor(
    templates: readonly Template[],
    people: readonly Wanted[],
    /** No identifier ever holds a delimiter, as the data map says. */
    plainIds = false,
  ) {
    this.patterns = templates.map((template) => patternOf(template, people, plainIds))
  }

  /** `key` is the latin-1 view of its bytes. */
  match(key: string): Match[] {
    const found: Match[] = []
    for (const pattern of this.patterns) {
      const owner = ownerOf(pattern, key)
      const owners = owner === null ? undefined : pattern.owners.get(owner)
      if (owners === undefined) continue
      const ambiguous = isAmbiguous(pattern, key)
      for (const ord of owners) found.push({ template: pattern.template, ord, ambiguous })
    }
    return found
  }

  /** Whether some template reads this key as another person's. */
  belongsToAnother(key: string, ord: number): boolean {
    return this.patterns.some((pattern) => {
      const owner = ownerOf(pattern, key)
      return owner !== null && !(pattern.owners.get(owner) ?? []).includes(ord)
    })
  }
}

function ownerOf(pattern: Pattern, key: string): string | null {
  const parts = pattern.expression.exec(key)
  if (!parts) return null
  const tenant = pattern.tenantAt === null ? '' : (parts[pattern.tenantAt] ?? '')
  const value = parts[pattern.valueAt] ?? ''
  return ownerKey(tenant, pattern.fold ? foldAscii(value) : value)
}

/**
 * `user:u1:x:cart` is the cart of u1:x as well as the x:cart of u1. Without a delimiter in the rest the number
 * of delimiters says whose it is, for one with more of them in the id would have more in the key.
 */
function isAmbiguous({ template, expression, restAt }: Pattern, key: string): boolean {
  if (restAt === null) return false
  const rest = expression.exec(key)?.[restAt] ?? ''
  return [...template.delimiters].some((delimiter) => rest.includes(delimiter))
}

function patternOf(template: Template, people: readonly Wanted[], plainIds: boolean): Pattern {
  const parts = template.tokens.filter(({ type }) => type !== 'literal')
  const at = (found: (token: Token) => boolean) => {
    const index = parts.findIndex(found)
    return index < 0 ? null : index + 1
  }
  const tenantAt = at((token) => token.type === 'placeholder' && token.name === 'tenant')
  const name = placeholders(template).find((placeholder) => placeholder !== 'tenant') ?? ''
  const valueAt = at((token) => token.type === 'placeholder' && token.name === name) ?? 0
  const restAt = plainIds ? null : at((token) => token.type === 'star')
  const fold = name === 'email'
  const owners = new Map<string, number[]>()
  for (const { ord, tenant, values } of people) {
    for (const value of values.get(name) ?? []) {
      const key = ownerKey(tenantAt === null ? '' : tenant, fold ? foldAscii(value) : value)
      owners.set(key, [...(owners.get(key) ?? []), ord])
    }
  }
  return { template, expression: expressionOf(template), tenantAt, valueAt, restAt, fold, owners }
}

/** Made of the template only. A value has no delimiter in it, so there is one way at most to read a key. */
function expressionOf(template: Template): RegExp {
  const value = template.delimiters === '' ? '([\\s\\S]+)' : `([^${escapeExpression(template.delimiters)}]+)`
  const parts = template.tokens.map((token) => {
    if (token.type === 'literal') return escapeExpression(bytesText(token.text))
    return token.type === 'star' ? '([\\s\\S]*)' : value
  })
  return new RegExp(`^${parts.join('')}$`)
}

/** The length keeps tenant `a` with value `bc` apart from tenant `ab` with value `c`. */
function ownerKey(tenant: string, value: string): string {
  return `${tenant.length}:${tenant}${value}`
}

/** Caches keep e-mails as people typed them; only A to Z is folded, as PostgreSQL's erasure does. */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function escapeExpression(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** `MATCH` for SCAN: the literal prefix all templates share, with its glob characters escaped. */
export function scanPattern(templates: readonly Template[]): string {
  const [first = '', ...others] = templates.map(literalPrefix)
  let length = first.length
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--
  }
  return `${first.slice(0, length).replace(/[*?[\]\\]/g, '\\$&')}*`
}
