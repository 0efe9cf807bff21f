import type { z } from 'zod'
import type { Path, Source } from './source.js'
import type { Problem } from './types.js'

/**
 * Turns what a grammar refused into problems a person can act on. `base` is where the checked value
 * stands in the map, `value` the value itself, `known` the keys allowed at its top level.
 */
export function explain(
  source: Source,
  base: Path,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  known: readonly string[] = [],
): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) =>
        source.problem([...base, ...path, key], unknownKey(key, path.length ? [] : known)),
      )
    }
    if (issue.code === 'invalid_key') {
      const reason = issue.issues.map((inner) => inner.message).join('; ')
      return [source.problem([...base, ...path], reason)]
    }
    const last = path.at(-1)
    if (last !== undefined && valueAt(value, path) === undefined && typeof last === 'string') {
      return [source.problem([...base, ...path], missing(last, issue.message))]
    }
    return [source.problem([...base, ...path], issue.message)]
  })
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = known.find((candidate) => nearlyEqual(candidate, key))
  return near
    ? `unknown key "${key}": write "${near}"`
    : `unknown key "${key}": remove it or correct its spelling`
}

function missing(key: string, message: string): string {
  if (key === 'keep') {
    return 'this backup has no end date: add keep: with how long it is kept, e.g. P30D'
  }
  const advice = message.startsWith('Invalid input') ? '' : `, ${message}`
  return `"${key}" is missing: add it${advice}`
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined
    return (at as Record<string | number, unknown>)[key]
  }, value)
}

/** At most one letter added, dropped or changed, and case or separators do not count. */
function nearlyEqual(left: string, right: string): boolean {
  const [a, b] = [left, right].map((word) => word.toLowerCase().replace(/[-_]/g, '')) as [string, string]
  if (a === b) return true
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++
  return (
    a.slice(start + 1) === b.slice(start + 1) ||
    a.slice(start) === b.slice(start + 1) ||
    a.slice(start + 1) === b.slice(start)
  )
}
