import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Problem } from './types.js'

export type Path = readonly (string | number)[]

/** Generous for a map of thousands of elements; a bound on what an unfriendly file may cost. */
const MAX_CHARACTERS = 2_000_000
const MAX_ALIASES = 100

/** A YAML text that knows on which line each of its values stands. */
export interface Source {
  readonly value: unknown
  problem(path: Path, message: string): Problem
}

export type ReadSource =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly problems: Problem[] }

export function readSource(text: string): ReadSource {
  if (text.length > MAX_CHARACTERS) {
    return failed(
      1,
      `the data map is longer than ${MAX_CHARACTERS} characters: split it or remove what repeats`,
    )
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      path: '',
      line: lines.linePos(error.pos[0]).line,
      message: `this is not valid YAML (${error.code}): ${error.message}`,
    }))
    return { ok: false, problems }
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    const problem = (path: Path, message: string) => ({
      path: pathText(path),
      line: lines.linePos(offsetAt(document, path)).line,
      message,
    })
    return { ok: true, source: { value, problem } }
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    return failed(1, `aliases (*name) are unknown or more than ${MAX_ALIASES}: write the values out`)
  }
}

export function pathText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? key : `${text}.${key}`
  }, '')
}

function failed(line: number, message: string): ReadSource {
  return { ok: false, problems: [{ path: '', line, message }] }
}

/** Where the deepest existing part of `path` starts: a missing key is reported at its parent. */
function offsetAt(document: Document, path: Path): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => (isScalar(item.key) ? String(item.key.value) : null) === String(key),
      )
      if (!pair) break
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      offset = startOf(node) ?? offset
    } else break
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] | null } | null)?.range
  return range?.[0]
}
