import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Replacement } from './grammar.js'

export type Json = Readonly<Record<string, unknown>>
type Change = (held: unknown) => unknown

/** A list, and what becomes of it. */
export interface ListChange {
  readonly list: string
  readonly change: Change
}

/**
 * The partial document that changes `lists` and replaces what `set` names in `source`. A path may be written as nested objects or as
 * one dotted key; lists are given back whole, because a partial update replaces them. Fields that are not there
 * stay away. Null when a list to give back holds a number too large to be repeated exactly.
 */
export function patchOf(
  source: Json,
  set: Readonly<Record<string, Replacement>>,
  lists: readonly ListChange[] = [],
): Json | null {
  let next: unknown = source
  for (const { list, change } of lists) next = changed(next, list.split('.'), change)
  for (const [path, replacement] of Object.entries(set)) {
    const value = freshValue(replacement)
    next = changed(next, path.split('.'), () => value)
  }
  return difference(source, next as Json)
}

/** A fresh value for each document, so that redacted ones can't be joined again. */
function freshValue(replacement: Replacement): unknown {
  if (typeof replacement !== 'object' || replacement === null) return replacement
  switch (replacement.random) {
    case 'email':
      return `${randomBytes(12).toString('hex')}@erased.invalid`
    case 'uuid':
      return randomUUID()
    case 'text':
      return randomBytes(12).toString('hex')
    case 'int':
      return randomInt(1, 2 ** 31)
  }
}

/** A copy with the change made in every spelling of the path; what has not changed is the same object. */
function changed(held: unknown, path: readonly string[], change: Change): unknown {
  if (path.length === 0) return change(held)
  if (Array.isArray(held)) {
    const items = held.map((item) => changed(item, path, change))
    return items.some((item, at) => item !== held[at]) ? items : held
  }
  if (!isObject(held)) return held
  let copy = held
  for (let length = 1; length <= path.length; length++) {
    const key = path.slice(0, length).join('.')
    if (!Object.hasOwn(copy, key)) continue
    const inner = changed(copy[key], path.slice(length), change)
    if (inner !== copy[key] || length === path.length) copy = { ...copy, [key]: inner }
  }
  return copy
}

/** What a partial update has to say to turn `before` into `after`; null when a list can't be repeated exactly. */
function difference(before: Json, after: Json): Json | null {
  const patch: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(after)) {
    const old = before[key]
    if (value === old) continue
    if (!repeatable(value) && Array.isArray(value)) return null
    const part = isObject(value) && isObject(old) ? difference(old, value) : value
    if (part === null && value !== null) return null
    patch[key] = part
  }
  return patch
}

/** Whether writing it back says the same: JSON numbers beyond 2^53 were rounded when they were read. */
function repeatable(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value)
  if (Array.isArray(value)) return value.every(repeatable)
  return !isObject(value) || Object.values(value).every(repeatable)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
