import { readSource } from './source.js'

/** Where a value stands in a map: dotted path, and 1-based line of the text. */
export interface Place {
  readonly path: string
  readonly line: number
}

/**
 * Finds values of a map in its text, for findings that are made elsewhere; what does not exist is placed
 * at its parent. Null for a text that is no YAML.
 */
export function locator(text: string): ((path: readonly (string | number)[]) => Place) | null {
  const read = readSource(text)
  if (!read.ok) return null
  return (path) => {
    const { line, path: dotted } = read.source.problem(path, '')
    return { path: dotted, line }
  }
}
