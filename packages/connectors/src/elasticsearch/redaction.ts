import { type Json, type ListChange, patchOf } from './patch.js'
import type { Person } from './people.js'
import type { Way } from './targets.js'

/**
 * Why a document can't be redacted: a number in it could not be repeated exactly, or a list in it names others
 * whom replacing it would take out as well.
 */
export type RedactionProblem = 'inexact_number' | 'shared_list'

/** The partial document that takes `owners` out of a document which `ways` led to. */
export function redaction(
  source: Json,
  ways: readonly Way[],
  owners: readonly Person[],
): Json | RedactionProblem {
  const lists: ListChange[] = []
  for (const way of ways) {
    const isTheirs = theirs(way, owners)
    const values = valuesAt(source, way.by.split('.'))
    if (values.length > 1 && !values.every(repeatable)) return 'inexact_number'
    if (way.pull !== null) {
      const rest = way.by.slice(way.pull.length + 1)
      const path = rest === '' ? [] : rest.split('.')
      if (itemsAt(source, way.pull.split('.')).some((item) => isMixed(valuesAt(item, path), isTheirs)))
        return 'shared_list'
      lists.push({ list: way.pull, change: (held) => without(held, path, isTheirs) })
    } else if (values.length > 1 && !values.every(isTheirs)) return 'shared_list'
  }
  return patchOf(source, Object.assign({}, ...ways.map(({ set }) => set)), lists) ?? 'inexact_number'
}

type Test = (value: unknown) => boolean

function theirs({ identifier, field }: Way, owners: readonly Person[]): Test {
  const folds = identifier === 'email' && field.holds === 'text'
  const known = new Set(
    owners.flatMap(({ values }) => values.get(identifier) ?? []).map(folds ? fold : String),
  )
  return (value) => known.has(folds ? fold(String(value)) : String(value))
}

const fold = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
const repeatable = (value: unknown) => typeof value !== 'number' || Number.isSafeInteger(value)

/** An item that names them and somebody else can neither go nor stay. */
function isMixed(values: readonly unknown[], isTheirs: Test): boolean {
  return values.some(isTheirs) && !values.every(isTheirs)
}

/** What is left of a list; a single value stands for a list of one. */
function without(held: unknown, path: readonly string[], isTheirs: Test): unknown {
  const names = (item: unknown) => valuesAt(item, path).some(isTheirs)
  if (!Array.isArray(held)) return names(held) ? null : held
  const left = held.filter((item) => !names(item))
  return left.length === held.length ? held : left
}

/** The items of every list at a path, a single value being a list of one. */
function itemsAt(held: unknown, path: readonly string[]): unknown[] {
  if (path.length === 0) return [held].flat()
  if (Array.isArray(held)) return held.flatMap((item) => itemsAt(item, path))
  if (typeof held !== 'object' || held === null) return []
  return path.flatMap((_part, at) => {
    const key = path.slice(0, at + 1).join('.')
    return Object.hasOwn(held, key) ? itemsAt((held as Json)[key], path.slice(at + 1)) : []
  })
}

/** Every value that an index would hold of a path. */
function valuesAt(held: unknown, path: readonly string[]): unknown[] {
  return itemsAt(held, path)
    .flat(Number.POSITIVE_INFINITY)
    .filter((value) => value !== null && value !== undefined)
}
