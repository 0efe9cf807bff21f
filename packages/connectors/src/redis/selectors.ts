import type { IdentifierType, Subject, TenantRule } from '@lethe/eraser-kit'
import { placeholders, type Template } from './template.js'

/** One person of a batch, as bytes to compare keys with. Texts are latin-1 views of UTF-8 bytes. */
export interface Wanted {
  readonly ord: number
  readonly tenant: string
  readonly values: ReadonlyMap<string, readonly string[]>
}

export type Selected =
  | { readonly ok: true; readonly wanted: Wanted }
  | { readonly ok: false; readonly code: 'invalid_identifier' | 'identifier_missing' | 'unknown_tenant' }

/** Bytes as a text of the same length, so that keys of any bytes can be compared and kept in maps. */
export function bytesText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/**
 * What to look for. Nothing is looked for at all when an identifier can't be told apart in a key: it is
 * empty, holds a delimiter of a template that uses it, or has no UTF-8.
 */
export function select(
  subject: Subject,
  ord: number,
  templates: readonly Template[],
  rule: TenantRule,
  canonical: IdentifierType,
): Selected {
  if ('constant' in rule && rule.constant !== subject.tenantId) return { ok: false, code: 'unknown_tenant' }
  const values = new Map<string, string[]>()
  for (const template of templates) {
    for (const name of placeholders(template)) {
      const given = name === 'tenant' ? [subject.tenantId] : valuesOf(subject, name)
      if (given.length === 0 && name === canonical) return { ok: false, code: 'identifier_missing' }
      if (!given.every((value) => fits(value, template))) return { ok: false, code: 'invalid_identifier' }
      if (name !== 'tenant') values.set(name, given.map(bytesText))
    }
  }
  if ([...values.values()].every((list) => list.length === 0))
    return { ok: false, code: 'identifier_missing' }
  return { ok: true, wanted: { ord, tenant: bytesText(subject.tenantId), values } }
}

function valuesOf(subject: Subject, type: string): string[] {
  return [...new Set(subject.identifiers.flatMap((one) => (one.type === type ? [one.value] : [])))]
}

function fits(value: string, template: Template): boolean {
  if (value === '' || /\p{Surrogate}/u.test(value)) return false
  return ![...template.delimiters].some((delimiter) => value.includes(delimiter))
}

/** Every exact key a template without `*` stands for. */
export function exactKeys(template: Template, wanted: Wanted): string[] {
  const name = placeholders(template).find((placeholder) => placeholder !== 'tenant') ?? ''
  return (wanted.values.get(name) ?? []).map((value) =>
    template.tokens
      .map((token) => {
        if (token.type === 'literal') return bytesText(token.text)
        if (token.type === 'star') throw new TypeError('a template with * has no exact key')
        return token.name === 'tenant' ? wanted.tenant : value
      })
      .join(''),
  )
}
