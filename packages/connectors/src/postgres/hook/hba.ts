/** One field of a rule: the tokens between its commas. A quoted token has lost its special meaning. */
type Field = readonly { readonly text: string; readonly quoted: boolean }[]

interface Rule {
  readonly type: string
  readonly databases: Field
  readonly users: Field
  /** Address, mask, method and options, as they were written. */
  readonly rest: string
}

const beginOf = (systemId: string) =>
  `# lethe restore prepare: the gate of ${systemId} begins; undo with --undo`
const endOf = (systemId: string) => `# lethe restore prepare: the gate of ${systemId} ends`

/** The file of names that the gate's rules refuse, beside the pg_hba file that names it. */
export const switchName = (systemId: string): string => `lethe-${systemId}.gate`

/** Whether the gate of this system stands in a pg_hba file. */
export const hasGate = (hba: string, systemId: string): boolean => hba.includes(`${beginOf(systemId)}\n`)

/**
 * The rules of a pg_hba file that let a role in by name or by `all`, written for that role alone: it gets in from where
 * and as it always did. Rules for groups and patterns are left out: who is in them is known to the server only.
 *
 * @param database only rules for it, written for it alone; null: for every database
 */
export function rulesFor(hba: string, role: string, database: string | null): string[] {
  return rulesOf(hba).flatMap(({ type, databases, users, rest }) => {
    if (!users.some((user) => names(user, role))) return []
    const where =
      database === null
        ? databases.filter(({ text, quoted }) => quoted || text !== 'replication').map(written)
        : databases.some((one) => names(one, database))
          ? [`"${database}"`]
          : []
    return where.length === 0 ? [] : [`${type} ${where.join(',')} "${role}" ${rest}`]
  })
}

/** Whether one of these rules lets somebody in. */
export const admits = (rules: readonly string[]): boolean =>
  rulesOf(rules.join('\n')).some(({ type, rest }) => methodOf(type, rest) !== 'reject')

/**
 * The rules of a gate: who is admitted, then nobody. Whom they refuse is read from the switch at every reload, so that
 * the gate opens and shuts without a rule being touched.
 *
 * @param database null shuts the whole server, replication included
 */
export function gateRules(systemId: string, admitted: readonly string[], database: string | null): string {
  const refused = `@${switchName(systemId)}`
  const reject = (where: string) => [
    `local ${where} ${refused} reject`,
    `host ${where} ${refused} all reject`,
  ]
  const rejected =
    database === null ? [...reject('all'), ...reject('replication')] : [...reject(`"${database}"`)]
  return [beginOf(systemId), ...admitted, ...rejected, endOf(systemId), ''].join('\n')
}

/** In front of everything else: the first rule that matches decides. */
export const withGate = (hba: string, systemId: string, gate: string): string =>
  gate + withoutGate(hba, systemId)

/** Byte for byte what stood there before `withGate`. */
export function withoutGate(hba: string, systemId: string): string {
  const end = `${endOf(systemId)}\n`
  const from = hba.indexOf(`${beginOf(systemId)}\n`)
  const to = from < 0 ? -1 : hba.indexOf(end, from)
  return to < 0 ? hba : hba.slice(0, from) + hba.slice(to + end.length)
}

/** Whose gates stand in a pg_hba file. */
export const gatesIn = (hba: string): string[] =>
  [...hba.matchAll(/^# lethe restore prepare: the gate of ([a-z0-9-]+) begins/gm)].map(([, id = '']) => id)

/** What stood there before any gate. */
export const withoutGates = (hba: string): string =>
  gatesIn(hba).reduce((text, systemId) => withoutGate(text, systemId), hba)

const names = ({ text, quoted }: Field[number], name: string): boolean =>
  text === name ? quoted || !/^[+@/]/.test(text) : text === 'all' && !quoted

const written = ({ text, quoted }: Field[number]): string => (quoted ? `"${text}"` : text)

function methodOf(type: string, rest: string): string {
  const [first = '', second = '', third = ''] = rest.split(/\s+/)
  if (type === 'local') return first
  // An address may come with its mask in a field of its own.
  return /^[0-9a-f.:]+$/i.test(second) && /[.:]/.test(second) ? third : second
}

/** Rules as the server reads them: comments and blank lines left out, continued lines joined. */
function rulesOf(hba: string): Rule[] {
  return hba
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .flatMap((line) => {
      const fields: { tokens: Field; end: number }[] = []
      for (let at = 0; fields.length < 3; ) {
        const field = fieldAt(line, at)
        if (field === null) return []
        fields.push(field)
        at = field.end
      }
      const [type, databases, users] = fields
      if (type === undefined || databases === undefined || users === undefined) return []
      const rest = line.slice(users.end).trim()
      return [{ type: type.tokens[0]?.text ?? '', databases: databases.tokens, users: users.tokens, rest }]
    })
}

/** The next field behind `from`; tokens are joined by commas, and a comment ends the line. */
function fieldAt(line: string, from: number): { tokens: Field; end: number } | null {
  const tokens: { text: string; quoted: boolean }[] = []
  const token = /\s*(?:"((?:[^"]|"")*)"|([^\s",#]+))(\s*,)?/y
  token.lastIndex = from
  for (;;) {
    const found = token.exec(line)
    if (found === null) return tokens.length === 0 ? null : { tokens, end: from }
    const [, quoted, plain, comma] = found
    tokens.push({ text: quoted?.replaceAll('""', '"') ?? plain ?? '', quoted: quoted !== undefined })
    from = token.lastIndex
    if (comma === undefined) return { tokens, end: from }
  }
}
