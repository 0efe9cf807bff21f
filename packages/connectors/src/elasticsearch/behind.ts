import { z } from 'zod'
import { LETHE_PREFIX } from './index-name.js'
import { type IndexInfo, indexInfo } from './mapping.js'
import type { Store } from './store.js'

/**
 * While a gate is shut an index refuses everybody, Lethe included: index blocks know no users. People are erased from
 * a copy of it then, which this alias leads to, and which takes its place when the gate opens.
 */
export const BEHIND = `${LETHE_PREFIX}behind-`
export const behindOf = (index: string): string => `${BEHIND}${index}`

/** Whether an index is such a copy. */
export const isCopy = ({ aliases }: Pick<IndexInfo, 'aliases'>): boolean =>
  Object.keys(aliases).some((alias) => alias.startsWith(BEHIND))

export const isBlocked = ({ settings }: IndexInfo): boolean => settings.index.blocks?.read === true

type Indices = ReadonlyMap<string, IndexInfo>
const answer = z.record(z.string(), indexInfo)
/** Names in one look: a path has room for about 4,000 characters. */
const NAMES = 12

/** Copies by the name of the index they stand for: of the named ones, or of all. */
export async function copiesOf(
  store: Store,
  indices: readonly string[] | 'all',
): Promise<ReadonlyMap<string, readonly [string, IndexInfo]>> {
  const copies = new Map<string, readonly [string, IndexInfo]>()
  for (const path of indices === 'all' ? [`/${BEHIND}*`] : pathsTo(indices)) {
    const infos = await store.callIfThere(answer, {
      method: 'GET',
      path,
      query: { ignore_unavailable: true, allow_no_indices: true, expand_wildcards: 'all' },
    })
    for (const [name, info] of Object.entries(infos ?? {}))
      for (const alias of Object.keys(info.aliases))
        if (alias.startsWith(BEHIND)) copies.set(alias.slice(BEHIND.length), [name, info])
  }
  return copies
}

const pathsTo = (indices: readonly string[]): string[] =>
  Array.from({ length: Math.ceil(indices.length / NAMES) }, (_, page) => {
    const names = indices.slice(page * NAMES, (page + 1) * NAMES)
    return `/${names.map((index) => encodeURIComponent(behindOf(index))).join(',')}`
  })

/** What was found under each name, with the copy in the place of an index that refuses everybody. */
export async function behindTheGate(
  store: Store,
  found: ReadonlyMap<string, Indices>,
): Promise<ReadonlyMap<string, Indices>> {
  const blocked = [...found.values()].flatMap((infos) =>
    [...infos].flatMap(([index, info]) => (isBlocked(info) ? [index] : [])),
  )
  if (blocked.length === 0) return found
  const copies = await copiesOf(store, [...new Set(blocked)])
  const instead = ([index, info]: readonly [string, IndexInfo]): readonly [string, IndexInfo] => {
    const [name, copy] = (isBlocked(info) && copies.get(index)) || []
    if (name === undefined || copy === undefined) return [index, info]
    // Every name that leads to the index leads to its copy.
    return [name, { ...copy, aliases: { ...info.aliases, [index]: {} } }]
  }
  return new Map([...found].map(([name, infos]) => [name, new Map([...infos].map(instead))]))
}
