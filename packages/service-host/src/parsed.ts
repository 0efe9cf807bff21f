import type { z } from 'zod'
import { problem } from './problem.js'

/**
 * The parsed input. @throws ProblemError `invalid_request`, or `invalid_identifier` when only identifiers are
 * wrong: what, where and what to do, never the value that was sent, nor the name of a field we don't know.
 */
export function parsed<T>(shape: z.ZodType<T>, input: unknown, where = 'body'): T {
  const result = shape.safeParse(input ?? {})
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, 20)
  const errors = issues.map((issue) => ({ path: pathOf(where, issue.path), problem: meaning(issue) }))
  const identifiersOnly = issues.every(({ path }) => path[0] === 'identifiers' && path.length > 1)
  const list = errors.map((error) => `${error.path} ${error.problem}`).join('; ')
  throw problem(identifiersOnly ? 'invalid_identifier' : 'invalid_request', `Correct: ${list}.`, { errors })
}

function pathOf(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    where,
  )
}

/** Zod's own messages name types and formats; those that would repeat the input are said anew. */
function meaning(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'has a field that is not known here; see /openapi.json for those that are'
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'invalid_type':
      return `must be of type ${issue.expected}`
    case 'too_small':
      return `is too small or too short; at least ${issue.minimum}`
    case 'too_big':
      return `is too big or too long; at most ${issue.maximum}`
    case 'invalid_format':
      return issue.message.startsWith('Invalid') ? `is not a valid ${issue.format}` : issue.message
    default:
      return 'is not valid'
  }
}
