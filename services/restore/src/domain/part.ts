/** A system's section of the data map, as far as a part of it is taken. */
export interface Section {
  readonly systemId: string
  readonly kind: string
  readonly body: unknown
}

export type Part =
  | { readonly ok: true; readonly body: unknown }
  /** What was asked for and is not in the map; all of it where the kind has no parts. */
  | { readonly ok: false; readonly unknown: readonly string[] }

interface Collected {
  readonly list: 'elements' | 'indices'
  readonly name: 'table' | 'name'
}

/** Under which key a kind lists what a part can be made of, and what it calls it there. */
const lists: Readonly<Record<string, Collected>> = {
  postgres: { list: 'elements', name: 'table' },
  elasticsearch: { list: 'indices', name: 'name' },
}

/** Whether a part of such a store can be restored alone and be named. */
export const hasParts = (kind: string): boolean => Object.hasOwn(lists, kind)

/** The section of the named tables or indices alone. */
export function partOf({ kind, body }: Section, tables: readonly string[]): Part {
  const how = lists[kind]
  if (how === undefined) return { ok: false, unknown: tables }
  const all = (body as Record<string, unknown>)[how.list] as readonly Record<string, unknown>[]
  const nameOf = (element: Record<string, unknown>) => String(element[how.name])
  const known = new Set(all.map(nameOf))
  const unknown = tables.filter((table) => !known.has(table))
  if (unknown.length > 0) return { ok: false, unknown }
  const wanted = new Set(tables)
  const kept = all.filter((element) => wanted.has(nameOf(element)))
  return { ok: true, body: { ...(body as object), [how.list]: kept } }
}
