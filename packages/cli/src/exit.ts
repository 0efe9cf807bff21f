import { ProblemError, UnreachableError } from '@lethe/client'

/** What the exit code of `lethe` means; printed by `lethe help exit-codes`. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  unreachable: 4,
  needsPerson: 5,
} as const

export const exitCodeHelp = `
Exit codes:
  0  done
  1  it failed; the message says what and where
  2  the command line or its configuration is wrong; nothing was sent
  3  the service refused; the problem code is printed and explained in docs/problems
  4  the service did not answer; sending again with the same --idempotency-key is safe
  5  waited, and the request now needs a person (identity, approval, hold, failure)
`

/** The words of the command are wrong; nothing was sent. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof ProblemError) return exitCodes.refused
  if (error instanceof UnreachableError) return exitCodes.unreachable
  return exitCodes.failed
}

/** One or two lines for a person; no stack, no identifier. */
export function explain(error: unknown): string {
  if (error instanceof ProblemError) {
    const after = error.retryAfterSeconds === null ? '' : ` Try again in ${error.retryAfterSeconds} s.`
    return `${error.code}: ${error.message}${after}\nSee docs/problems/${error.code}.md`
  }
  const state = sqlStateOf(error)
  if (state) return databaseText(state)
  return error instanceof Error ? error.message : String(error)
}

/** What to do for the classes of SQLSTATE that a person at a terminal can do something about. */
const databaseAdvice: Readonly<Record<string, string>> = {
  '28': 'It does not let this role in: check user and password in the URL of the database.',
  '3D': 'There is no such database: check the end of its URL.',
  '42501': 'The role lacks a right for this: connect as the owner of the database.',
  '42P01': 'A table is missing: is this the database of Lethe, and is it migrated?',
  '53': 'It has no connection, memory or disk left for this: try again later.',
  '57': 'It is starting, stopping, or was told to end the statement: try again.',
}

/** PostgreSQL quotes rows, names and statements in its messages, so its own words are never shown. */
function databaseText(state: string): string {
  const advice = databaseAdvice[state] ?? databaseAdvice[state.slice(0, 2)] ?? 'Its log says more.'
  return `PostgreSQL answered with SQLSTATE ${state}. ${advice}`
}

function sqlStateOf(error: unknown): string | null {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
  return typeof code === 'string' && typeof severity === 'string' ? code : null
}
