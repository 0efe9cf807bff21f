import { bytesText, type Wanted } from './selectors.js'
import { literalPrefix, placeholders, type Template, type Token } from './template.js'

/** A key that is somebody's: whose, and by which template. */
export interface Match {
  readonly template: Template
  readonly ord: number
  /** The key may as well be somebody else's: of a longer id, or by another template. */
  readonly ambiguous: boolean
}

interface Pattern {
  readonly template: Template
  /** Type of the identifier that the template names a person by. */
  readonly name: string
  readonly expression: RegExp
  /** The same with ids that may hold delimiters: the longest and the shortest id the key can be read with. */
  readonly loose: readonly RegExp[]
  /** Characters the template says itself: of two readings the one of the template that says more is believed. */
  readonly said: number
  /** Position of the tenant among the captured values, or null. */
  readonly tenantAt: number | null
  readonly valueAt: number
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
    private readonly plainIds = false,
  ) {
    this.patterns = templates.map((template) => patternOf(template, people))
  }

  /** `key` is the latin-1 view of its bytes. */
  match(key: string): Match[] {
    const found: Match[] = []
    for (const pattern of this.patterns) {
      const owner = ownerOf(pattern, key)
      const owners = owner === null ? undefined : pattern.owners.get(owner)
      for (const ord of owners ?? [])
        found.push({ template: pattern.template, ord, ambiguous: this.isAmbiguous(pattern, key, ord) })
    }
    return found
  }

  /** Whether a key that `template` gives this person may be another's. */
  mayBeAnothers(key: string, ord: number, template: Template): boolean {
    const pattern = this.patterns.find((one) => one.template === template)
    return pattern === undefined || this.isAmbiguous(pattern, key, ord)
  }

  /**
   * `user:u1:x:cart` is the cart of u1:x as well as the x:cart of u1, and `user:u1:x` a key of u1 by
   * `user:{user_id}:x` as well as one of u1:x by `user:{user_id}`. Templates of another identifier type are not
   * asked: that somebody's id is another's e-mail address would make every second key ambiguous.
   */
  private isAmbiguous(own: Pattern, key: string, ord: number): boolean {
    const alike = this.patterns.filter(({ name }) => name === own.name)
    const delimiters = alike.map(({ template }) => template.delimiters).join('')
    return alike.some((pattern) => {
      return readingsOf(pattern, key, this.plainIds).some(({ tenant, value }) => {
        if (pattern.owners.get(ownerKey(tenant, value))?.includes(ord)) return false
        return holdsAny(value, delimiters) || pattern.said >= own.said
      })
    })
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

interface Reading {
  readonly tenant: string
  readonly value: string
}

/** Whose a template says a key is. When even the longest and the shortest id are the person's, so is any between. */
function readingsOf(pattern: Pattern, key: string, plainIds: boolean): Reading[] {
  return (plainIds ? [pattern.expression] : pattern.loose).flatMap((expression) => {
    const parts = expression.exec(key)
    if (!parts) return []
    const value = parts[pattern.valueAt] ?? ''
    const tenant = pattern.tenantAt === null ? '' : (parts[pattern.tenantAt] ?? '')
    return [{ tenant, value: pattern.fold ? foldAscii(value) : value }]
  })
}

const holdsAny = (text: string, characters: string): boolean =>
  [...characters].some((character) => text.includes(character))

function patternOf(template: Template, people: readonly Wanted[]): Pattern {
  const parts = template.tokens.filter(({ type }) => type !== 'literal')
  const at = (found: (token: Token) => boolean) => {
    const index = parts.findIndex(found)
    return index < 0 ? null : index + 1
  }
  const tenantAt = at((token) => token.type === 'placeholder' && token.name === 'tenant')
  const name = placeholders(template).find((placeholder) => placeholder !== 'tenant') ?? ''
  const valueAt = at((token) => token.type === 'placeholder' && token.name === name) ?? 0
  const fold = name === 'email'
  const owners = new Map<string, number[]>()
  for (const { ord, tenant, values } of people) {
    for (const value of values.get(name) ?? []) {
      const key = ownerKey(tenantAt === null ? '' : tenant, fold ? foldAscii(value) : value)
      owners.set(key, [...(owners.get(key) ?? []), ord])
    }
  }
  const expression = expressionOf(template)
  const loose = [expressionOf(template, '+'), expressionOf(template, '+?')]
  const said = template.tokens.reduce((sum, one) => sum + (one.type === 'literal' ? one.text.length : 0), 0)
  return { template, name, expression, loose, said, tenantAt, valueAt, fold, owners }
}

/**
 * Made of the template only. A value has no delimiter in it, so there is one way at most to read a key. With `loose`
 * an id may hold any, and whatever stands first in the template takes as much (`+`) or as little (`+?`) as it can:
 * one of the two reads the longest id, the other the shortest.
 */
function expressionOf(template: Template, loose?: '+' | '+?'): RegExp {
  const plain = template.delimiters === '' ? '([\\s\\S]+)' : `([^${escapeExpression(template.delimiters)}]+)`
  const parts = template.tokens.map((token) => {
    if (token.type === 'literal') return escapeExpression(bytesText(token.text))
    if (token.type === 'star') return loose === '+?' ? '([\\s\\S]*?)' : '([\\s\\S]*)'
    return token.name === 'tenant' || loose === undefined ? plain : `([\\s\\S]${loose})`
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
