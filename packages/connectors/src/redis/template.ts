/**
 * Key templates such as `tenant:{tenant}:user:{user_id}:*`. `{{` and `}}` stand for literal braces, so a
 * cluster hash tag is written `{{{user_id}}}:cart`. A `*` matches any bytes, none included.
 */
export type Token =
  | { readonly type: 'literal'; readonly text: string }
  | { readonly type: 'placeholder'; readonly name: string }
  | { readonly type: 'star' }

export interface Template {
  /** As written in the data map; the collection's name in counts. */
  readonly text: string
  readonly tokens: readonly Token[]
  /** Characters beside a placeholder; a value that holds one of them would be read as two. */
  readonly delimiters: string
  readonly star: boolean
}

export type ParsedTemplate =
  | { readonly ok: true; readonly template: Template }
  | { readonly ok: false; readonly message: string }

const PLACEHOLDER = /^\{([a-z][a-z0-9:_-]*)\}/
/** ASCII punctuation; letters and digits could belong to the value itself. */
const DELIMITER = /^[!-/:-@[-`{-~]$/

/** Splits a template and finds its delimiters; says what to do when it would match ambiguously. */
export function parseTemplate(text: string): ParsedTemplate {
  const tokens = tokenize(text)
  if (typeof tokens === 'string') return { ok: false, message: tokens }
  if (tokens.filter(({ type }) => type === 'star').length > 1) {
    return { ok: false, message: 'a template has at most one *: split it into several templates' }
  }
  const delimiters = new Set<string>()
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'placeholder') continue
    const beside = [lastCharacter(tokens[index - 1]), firstCharacter(tokens[index + 1])]
    for (const character of beside) {
      if (character === null) continue
      if (!DELIMITER.test(character) || character === '*') {
        const message = `{${token.name}} needs a delimiter such as : on both sides, or the end of the key: otherwise u1 would match u10`
        return { ok: false, message }
      }
      delimiters.add(character)
    }
  }
  const star = tokens.some(({ type }) => type === 'star')
  return { ok: true, template: { text, tokens, delimiters: [...delimiters].join(''), star } }
}

/** For templates that the grammar has accepted. Throws on others: they must not get this far. */
export function templateOf(text: string): Template {
  const parsed = parseTemplate(text)
  if (!parsed.ok) throw new TypeError(`not a key template: ${parsed.message}`)
  return parsed.template
}

export function placeholders(template: Template): string[] {
  return template.tokens.flatMap((token) => (token.type === 'placeholder' ? [token.name] : []))
}

/** The bytes every matching key starts with, before any placeholder or `*`. */
export function literalPrefix(template: Template): string {
  const first = template.tokens[0]
  return first?.type === 'literal' ? first.text : ''
}

function tokenize(text: string): Token[] | string {
  const tokens: Token[] = []
  let literal = ''
  const flush = () => {
    if (literal !== '') tokens.push({ type: 'literal', text: literal })
    literal = ''
  }
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ''
    if ((character === '{' || character === '}') && text[at + 1] === character) {
      literal += character
      at++
    } else if (character === '{') {
      const match = PLACEHOLDER.exec(text.slice(at))
      if (!match?.[1]) return 'a { opens a placeholder such as {user_id}: write {{ for a brace in the key'
      flush()
      tokens.push({ type: 'placeholder', name: match[1] })
      at += match[0].length - 1
    } else if (character === '}') {
      return 'this } closes nothing: write }} for a brace in the key'
    } else if ('?[]\\'.includes(character)) {
      return `"${character}" is no wildcard here: only * is, and a template is never a glob`
    } else if (character === '*') {
      flush()
      tokens.push({ type: 'star' })
    } else literal += character
  }
  flush()
  return tokens
}

function lastCharacter(token: Token | undefined): string | null {
  if (!token) return null
  return token.type === 'literal' ? (token.text.at(-1) ?? null) : '*'
}

function firstCharacter(token: Token | undefined): string | null {
  if (!token) return null
  return token.type === 'literal' ? (token.text[0] ?? null) : '*'
}
