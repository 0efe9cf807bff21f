import { createHash } from 'node:crypto'
import { TerminalError } from '@lethe/eraser-kit'

/** The user that everybody without one is. */
export const DEFAULT_USER = 'default'

/**
 * Users without any right whose names remember, in the server itself, that it was shut before its first start and
 * who was on then: `lethe-shut:` and `lethe-shut:<name>`. They outlive restarts with the users' own lines.
 */
export const SHUT = 'lethe-shut:'

export type AclForm = 'acl-file' | 'config'

export interface PreparedLines {
  /** What the file should say; the same text where it says so already. */
  readonly text: string
  /** Users that were on and are off now, or were switched off by an earlier run. */
  readonly shut: readonly string[]
}

interface UserLine {
  readonly at: number
  readonly name: string
  readonly rules: readonly string[]
}

/**
 * Switches every user but the replay user off in an ACL file, or in the `user` lines of a configuration, and adds
 * those of `SHUT`. Idempotent. Lines keep their rules and passwords, so switching a user on again is enough.
 *
 * @throws TerminalError naming the line; never quotes one, because lines hold passwords.
 */
export function switchedOff(text: string, replayUser: string, form: AclForm): PreparedLines {
  if (replayUser === DEFAULT_USER)
    throw refused('everybody is the user default where no other is named', null)
  const lines = text.split('\n')
  const users = usersOf(lines, form)
  const byName = new Map(users.map((user) => [user.name, user]))
  if (byName.size < users.length) throw refused('a user stands there twice', null)
  const replay = byName.get(replayUser)
  if (replay === undefined || !isOn(replay.rules))
    throw refused('the replay user is missing or off: nobody could clean the store', replay?.at ?? null)
  const others = users.filter(({ name }) => name !== replayUser && !name.startsWith(SHUT))
  const shutNow = others.filter(({ rules }) => isOn(rules))
  for (const { at } of shutNow) lines[at] = `${(lines[at] ?? '').trimEnd()} off`
  const added: string[] = []
  const shut = new Set(shutNow.map(({ name }) => name))
  if (!byName.has(DEFAULT_USER)) {
    added.push(`user ${DEFAULT_USER} ${defaultRules(lines, form)} off`)
    shut.add(DEFAULT_USER)
  }
  for (const name of ['', ...shut]) if (!byName.has(SHUT + name)) added.push(`user ${SHUT}${name} off`)
  const remembered = users.flatMap(({ name }) =>
    name.startsWith(SHUT) && name !== SHUT ? [name.slice(SHUT.length)] : [],
  )
  return { text: withAdded(lines, added), shut: [...new Set([...remembered, ...shut])].sort() }
}

function usersOf(lines: readonly string[], form: AclForm): UserLine[] {
  return lines.flatMap((line, at): UserLine[] => {
    const [word = '', name = '', ...rules] = line.trim().split(/\s+/)
    const directive = word.toLowerCase()
    if (word === '' || word.startsWith('#')) return []
    if (form === 'config' && (directive === 'aclfile' || directive === 'include'))
      throw refused(
        directive === 'aclfile'
          ? 'this server reads its users from an ACL file: give that one with --acl-file'
          : 'users may stand in the file that is included here: put them into this one',
        at,
      )
    if (directive !== 'user') {
      if (form === 'config') return []
      throw refused('this is no user: an ACL file holds nothing else', at)
    }
    if (name === '' || /["']/.test(name)) throw refused('this user has no plain name', at)
    return [{ at, name, rules }]
  })
}

/** As the server reads them, one after the other; a new user is off. */
function isOn(rules: readonly string[]): boolean {
  const last = rules.map((rule) => rule.toLowerCase()).findLast((rule) => /^(on|off|reset)$/.test(rule))
  return last === 'on'
}

/** Where no line speaks of it, the default user may do everything, with `requirepass` as its password. */
function defaultRules(lines: readonly string[], form: AclForm): string {
  const required = form === 'config' ? lines.findLast((line) => /^\s*requirepass\s/i.test(line)) : undefined
  const password = required
    ?.trim()
    .split(/\s+/)[1]
    ?.replace(/^(["'])(.*)\1$/, '$2')
  if (password === undefined || password === '') return 'nopass ~* &* +@all'
  return `#${createHash('sha256').update(password).digest('hex')} ~* &* +@all`
}

function withAdded(lines: readonly string[], added: readonly string[]): string {
  if (added.length === 0) return lines.join('\n')
  const body = lines.join('\n').replace(/\n*$/, '')
  return `${body === '' ? '' : `${body}\n`}${added.join('\n')}\n`
}

const refused = (why: string, at: number | null) =>
  new TerminalError(
    'acl_unfit',
    `The users can not be switched off: ${why}${at === null ? '' : ` (line ${at + 1})`}.`,
  )
