import type { Subject, TenantRule } from '@lethe/eraser-kit'
import type { RedisSystem } from './grammar.js'

/** Keys that name a person in a place no template covers. */
export const UNMAPPED = '(keys no template covers)'

/** How a key of one person begins and ends. */
interface Expectation {
  readonly ord: number
  readonly collection: string
  readonly head: string
  readonly tail: string
  /** Nothing may stand between head and tail. */
  readonly whole: boolean
  readonly foldCase: boolean
}

interface NamedSet {
  readonly ord: number
  readonly collection: string
  readonly name: string
  /** The key a member stands for. */
  readonly member: (entry: string) => string
}

const SEPARATORS = /[:/|{}#,;\s]+/

/** Counts, per person and collection, the keys that were seen. Texts are latin-1 views of bytes. */
export class Sightings {
  private readonly seen = new Map<number, Map<string, Set<string>>>()
  private readonly byHead = new Map<number, Map<string, Expectation[]>>()
  private readonly byTail = new Map<number, Map<string, Expectation[]>>()
  private readonly named: NamedSet[] = []
  /** Identifier → who has it, and in which tenant. */
  private readonly bearers = new Map<string, { ord: number; tenant: string }[]>()
  private readonly shapes: readonly (readonly string[])[]
  private readonly ownerWords: ReadonlySet<string>

  constructor(
    private readonly system: RedisSystem,
    private readonly tenant: TenantRule,
    /** What no template covers is nobody's. */
    private readonly mappedOnly = false,
  ) {
    const all = this.collections()
    this.shapes = all.map((name) =>
      fill(system.prefix + name, () => GAP)
        .replaceAll(STAR, GAP)
        .split(GAP),
    )
    this.ownerWords = new Set(
      all.flatMap((name) => [...name.matchAll(/([^:/|{}#]+)[:/|]\{(?!tenant)/g)].map((m) => m[1] ?? '')),
    )
  }

  /** Remembers what this person's keys would look like. */
  expect(ord: number, subject: Subject): void {
    this.seen.set(ord, new Map())
    const tenant = bytes(subject.tenantId)
    for (const { type, value } of subject.identifiers) {
      if (value === '') continue
      const text = bytes(value)
      const given = (name: string) => (name === 'tenant' ? tenant : name === type ? text : undefined)
      this.bearers.set(lower(text), [...(this.bearers.get(lower(text)) ?? []), { ord, tenant }])
      for (const collection of this.collections()) {
        if (!collection.includes(`{${type}}`)) continue
        this.index(ord, collection, type, fill(this.system.prefix + collection, given))
      }
      for (const { set, key } of this.system.sets) {
        if (!set.includes(`{${type}}`)) continue
        const name = fill(this.system.prefix + set, given)
        const member = (entry: string) =>
          fill(this.system.prefix + key, (name) => (name === 'member' ? entry : given(name)))
        this.named.push({ ord, collection: set, name, member })
      }
    }
  }

  see(key: string): void {
    if (key.startsWith('lethe:')) return
    let known = false
    for (const [length, heads] of this.byHead) {
      for (const one of heads.get(lower(key.slice(0, length))) ?? []) known = this.compare(one, key) || known
    }
    for (const [length, tails] of this.byTail) {
      for (const one of tails.get(lower(key.slice(key.length - length))) ?? [])
        known = this.compare(one, key) || known
    }
    if (!this.mappedOnly && !known && !this.shapes.some((shape) => hasShape(key, shape)))
      this.seeUnmapped(key)
  }

  sets(): readonly NamedSet[] {
    return this.named
  }

  add(ord: number, collection: string, key: string): void {
    const collections = this.seen.get(ord)
    if (!collections) return
    collections.set(collection, (collections.get(collection) ?? new Set()).add(key))
  }

  /** Every collection, zero included; a key counts once in each. */
  residual(ord: number): Record<string, number> {
    const seen = this.seen.get(ord)
    const count = (name: string) => [name, seen?.get(name)?.size ?? 0] as const
    return Object.fromEntries([...this.collections(), UNMAPPED].map(count))
  }

  private collections(): string[] {
    return [...this.system.keys, ...this.system.sets.map(({ set }) => set)]
  }

  /** Looked up by the side of the `*` that holds the identifier, so that a key costs no more with more people. */
  private index(ord: number, collection: string, type: string, filled: string): void {
    const [head = '', tail] = filled.split(STAR) as [string, string | undefined]
    const one = {
      ord,
      collection,
      head,
      tail: tail ?? '',
      whole: tail === undefined,
      foldCase: type === 'email',
    }
    const before = (this.system.prefix + collection).split('*')[0] ?? ''
    const [index, text] = before.includes(`{${type}}`) ? [this.byHead, head] : [this.byTail, one.tail]
    const texts = index.get(text.length) ?? new Map<string, Expectation[]>()
    texts.set(lower(text), [...(texts.get(lower(text)) ?? []), one])
    index.set(text.length, texts)
  }

  private compare(one: Expectation, key: string): boolean {
    const fold = one.foldCase ? lower : (text: string) => text
    const [text, head, tail] = [fold(key), fold(one.head), fold(one.tail)]
    const fits = one.whole
      ? text === head
      : text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail)
    if (fits) this.add(one.ord, one.collection, key)
    return fits
  }

  /**
   * An identifier as a whole part of a key that no template covers. Where several tenants share the store,
   * the tenant must be another part; a plain number must follow a word such as `user`, or every page
   * number would be somebody.
   */
  private seeUnmapped(key: string): void {
    const parts = key.split(SEPARATORS)
    for (const [at, part] of parts.entries()) {
      for (const { ord, tenant } of this.bearers.get(lower(part)) ?? []) {
        const owned = this.ownerWords.has(parts[at - 1] ?? '')
        const tenantKnown = 'column' in this.tenant ? parts.includes(tenant) : owned
        if (tenantKnown && (owned || /\D/.test(part))) this.add(ord, UNMAPPED, key)
      }
    }
  }
}

/** Stand for the template's own `*` and for its gaps; no byte of a key looks like them. */
const STAR = '\u{1F7CA}'
const GAP = '\u{1F7CB}'

/** Puts values into a template; `{{` and `}}` are literal braces. */
function fill(template: string, given: (name: string) => string | undefined): string {
  return bytes(template).replace(/\{\{|\}\}|\*|\{([a-z][^{}]*)\}/g, (whole, name?: string) => {
    if (name !== undefined) return given(name) ?? whole
    return whole === '*' ? STAR : whole.slice(1)
  })
}

/** Whether the literal parts of a template stand in the key, in their order and at its ends. */
function hasShape(key: string, literals: readonly string[]): boolean {
  if (!key.startsWith(literals[0] ?? '') || !key.endsWith(literals.at(-1) ?? '')) return false
  let from = 0
  for (const text of literals) {
    const at = key.indexOf(text, from)
    if (at < 0) return false
    from = at + text.length
  }
  return true
}

function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
