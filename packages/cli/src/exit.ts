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
  return error instanceof Error ? error.message : String(error)
}
