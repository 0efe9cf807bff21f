import { placeholders, type Template } from './template.js'

/** What stands for a tenant when two templates are compared; no template holds it. */
const TENANT = '\u0000'

/**
 * Whether an id that holds delimiters can make a key of `a` and a key of `b` the same, as `user:{user_id}` does with the
 * id `u1:cart` and `user:{user_id}:cart` with `u1`. Only of templates that name people by the same type.
 */
export function collide(a: Template, b: Template): boolean {
  if (personOf(a) !== personOf(b)) return false
  const [one, other] = [ends(a), ends(b)]
  const fits = (x: string, y: string, within: (longer: string, shorter: string) => boolean) =>
    within(x, y) || within(y, x)
  return (
    fits(one.head, other.head, (longer, shorter) => longer.startsWith(shorter)) &&
    fits(one.tail, other.tail, (longer, shorter) => longer.endsWith(shorter))
  )
}

/** The first template of which an id with a delimiter would be read wrongly: by its own `*`, or by another's shape. */
export function misreadable(templates: readonly Template[]): number {
  return templates.findIndex(
    (one, at) => one.star || templates.some((two, to) => to !== at && collide(one, two)),
  )
}

const personOf = (template: Template): string | undefined =>
  placeholders(template).find((name) => name !== 'tenant')

/** The text before and behind the person, up to a `*`, which stands for any. */
function ends({ tokens }: Template): { readonly head: string; readonly tail: string } {
  const at = tokens.findIndex((token) => token.type === 'placeholder' && token.name !== 'tenant')
  const text = (part: Template['tokens']) =>
    part.map((token) => (token.type === 'literal' ? token.text : TENANT)).join('')
  const before = tokens.slice(0, at)
  const behind = tokens.slice(at + 1)
  const starBefore = before.findIndex(({ type }) => type === 'star')
  const starBehind = behind.findLastIndex(({ type }) => type === 'star')
  return {
    head: text(starBefore < 0 ? before : before.slice(0, starBefore)),
    tail: text(behind.slice(starBehind + 1)),
  }
}
