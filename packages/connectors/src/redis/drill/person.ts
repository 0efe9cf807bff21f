import type { Identifier } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import type { RedisSystem } from '../grammar.js'
import { placeholders, templateOf } from '../template.js'

/** One key of that person by every template that names people by `canonical`. @throws TerminalError when there is none */
export function keysOf(
  { prefix, keys }: RedisSystem,
  canonical: Identifier['type'],
  person: string,
  tenantId: string,
): string[] {
  const named = keys.map(templateOf).filter((one) => placeholders(one).includes(canonical))
  if (named.length === 0)
    throw new TerminalError(
      'drill_no_person',
      `No key template of the data map names people by {${canonical}}: a drill could put nobody in.`,
    )
  const values: Readonly<Record<string, string>> = { tenant: tenantId, [canonical]: person }
  return named.map(
    ({ tokens }) =>
      prefix +
      tokens
        .map((token) => {
          if (token.type === 'literal') return token.text
          return token.type === 'star' ? 'drill' : (values[token.name] ?? '')
        })
        .join(''),
  )
}
