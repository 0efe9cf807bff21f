import { randomBytes } from 'node:crypto'
import { type Gate, PausedError, TerminalError } from '@lethe/eraser-kit'
import { z } from 'zod'
import { BEHIND, behindOf, copiesOf, isBlocked, isCopy } from './behind.js'
import { partialShards, StoreError } from './errors.js'
import { historiesOf } from './histories.js'
import { tenantOf } from './index-name.js'
import type { IndexInfo } from './mapping.js'
import type { Store } from './store.js'
import { indicesOf, type Job } from './targets.js'

/** Alias of a copy that says which copy of its index it was made of. */
const MADE_OF = 'lethe-made-of-'
const cloned = z.object({ shards_acknowledged: z.boolean() })
const blocked = z.object({ shards_acknowledged: z.boolean() })
const withAliases = z.record(
  z.string(),
  z.object({ aliases: z.record(z.string(), z.record(z.string(), z.unknown())).default({}) }),
)

/** One index of the data map as the gate sees it. */
interface Door {
  readonly index: string
  readonly info: IndexInfo
  /** Closed, or behind a data stream: blocked as it is, and nobody can be erased from it while it is so. */
  readonly blockedOnly: boolean
  /** Refuses reading and writing. */
  readonly shut: boolean
  readonly copy: string | null
  /** Whether the copy was made of the index as it is. */
  readonly fits: boolean
  readonly madeOf: string
}

/**
 * Read and write blocks on every index of the data map, set in the restore call or by `shut`: the cluster itself then
 * refuses everybody, whatever their rights, by every name. What is erased meanwhile is erased from a hidden copy
 * (a clone: no document is written anew), which takes over the names of its index at the opening, in one step.
 * An index that is read again in between, or restored once more, gets another copy.
 */
export function gateOf(store: Store, jobs: readonly Job[]): Required<Gate> {
  const doors = () => lookAtDoors(store, jobs)
  return {
    admitted: async () => [],
    shut: async () => {
      const all = await doors()
      if (all.length === 0)
        throw new PausedError(
          'missing_index',
          'No index of the data map is there; a restore may still be running.',
        )
      for (const door of all) if (!isReady(door)) await shutDoor(store, jobs, door)
      return { strength: 'enforced', sessionsEnded: 0 }
    },
    open: async () => {
      const all = await doors()
      // The copy would take the place of an index that somebody has written into, or that is another one by now.
      if (all.some((door) => door.copy !== null && !isReady(door))) throw outdated()
      for (const { index } of all.filter(({ blockedOnly, shut }) => blockedOnly && shut))
        await lift(store, index)
      const ready = all.flatMap(({ copy, ...door }) => (copy === null ? [] : [{ ...door, copy }]))
      for (const { info, copy } of ready)
        await setSettings(store, copy, { ...unblocked, 'index.hidden': info.settings.index.hidden ?? null })
      const actions = (await Promise.all(ready.map((door) => takeOver(store, door.index, door.copy)))).flat()
      if (actions.length > 0)
        await store.call(z.unknown(), { method: 'POST', path: '/_aliases', body: { actions } })
    },
    state: async () => {
      const all = await doors()
      return all.length > 0 && all.every(isReady) ? 'shut' : 'open'
    },
    prepared: async () => {
      // Those that are only blocked may have been blocked by `shut`.
      const blocked = (await doors()).some((door) => door.shut && door.copy === null && !door.blockedOnly)
      return blocked ? { restoreId: null, way: 'first_start', state: 'shut' } : null
    },
  }
}

const outdated = () =>
  new PausedError(
    'opened_by_hand',
    'Somebody opened an index of the data map by hand, or restored it once more: opening the gate now would lose what was written into it since. The next look shuts it again; open it then.',
  )
const blocks = { 'index.blocks.read': true, 'index.blocks.write': true }
const unblocked = { 'index.blocks.read': null, 'index.blocks.write': null }
const isReady = ({ shut, copy, fits, blockedOnly }: Door): boolean =>
  shut && (blockedOnly || (copy !== null && fits))

/** Lifts blocks, also of an index of Lethe's own, which the restore call may have set with the others. */
export const lift = (store: Store, index: string): Promise<unknown> => setSettings(store, index, unblocked)

async function lookAtDoors(store: Store, jobs: readonly Job[]): Promise<Door[]> {
  const infos = new Map<string, IndexInfo>()
  for (const name of new Set(jobs.map(({ name }) => name)))
    for (const [index, info] of await indicesOf(store, name)) if (!isCopy(info)) infos.set(index, info)
  const isBlockedOnly = ({ settings, data_stream }: IndexInfo) =>
    settings.index.verified_before_close === true || data_stream !== undefined
  const isShut = (info: IndexInfo) => isBlocked(info) && info.settings.index.blocks?.write === true
  const shut = [...infos].flatMap(([index, info]) => (isShut(info) && !isBlockedOnly(info) ? [index] : []))
  const copies = await copiesOf(store, 'all')
  const histories = await historiesOf(store, shut)
  return [...infos].map(([index, info]): Door => {
    const [copy = null, of] = copies.get(index) ?? []
    const madeOf = `${MADE_OF}${histories.get(index) ?? ''}`
    const fits = of !== undefined && Object.hasOwn(of.aliases, madeOf)
    return { index, info, blockedOnly: isBlockedOnly(info), shut: isShut(info), copy, fits, madeOf }
  })
}

/** First nobody writes, then nobody reads, then the copy: it holds all there is. */
async function shutDoor(store: Store, jobs: readonly Job[], door: Door): Promise<void> {
  const { index, info, copy, blockedOnly } = door
  const path = `/${encodeURIComponent(index)}`
  // A closed one refuses everybody until somebody opens it: it must not let them in then. Neither has a copy.
  if (blockedOnly) {
    await setSettings(store, index, blocks)
    return
  }
  // Blocks that came with the index are there on every copy; those set now must be.
  if (!door.shut)
    for (const block of ['write', 'read']) {
      const answer = await store.call(blocked, { method: 'PUT', path: `${path}/_block/${block}` })
      if (!answer.shards_acknowledged) throw partialShards()
    }
  if (copy !== null) await store.call(z.unknown(), { method: 'DELETE', path: `/${encodeURIComponent(copy)}` })
  const histories = await historiesOf(store, [index])
  const { number_of_replicas, auto_expand_replicas } = info.settings.index
  const answer = await store.call(cloned, {
    method: 'PUT',
    path: `${path}/_clone/${encodeURIComponent(copyName(index, jobs))}`,
    query: { wait_for_active_shards: 1, timeout: '25s' },
    body: {
      settings: {
        ...unblocked,
        'index.hidden': true,
        // All but these come from the index itself.
        ...(number_of_replicas === undefined ? {} : { 'index.number_of_replicas': number_of_replicas }),
        ...(auto_expand_replicas === undefined ? {} : { 'index.auto_expand_replicas': auto_expand_replicas }),
      },
      aliases: {
        [behindOf(index)]: { is_hidden: true },
        [`${MADE_OF}${histories.get(index) ?? ''}`]: { is_hidden: true },
      },
    },
  })
  if (!answer.shards_acknowledged) throw partialShards()
}

/** A name nobody can guess, and that no name of the map takes for a tenant's index. */
function copyName(index: string, jobs: readonly Job[]): string {
  const mark = `restored-${randomBytes(4).toString('hex')}`
  const name = [`${index}.${mark}`, `${mark}.${index}`].find((one) =>
    jobs.every((job) => tenantOf(job.name, one) === null),
  )
  if (name !== undefined) return name
  throw new TerminalError(
    'index_unnameable',
    `A copy of ${index} would be taken for a tenant's: the names of the data map leave no other name beside it.`,
  )
}

/** All names of the index, and its own, lead to the copy from then on; readers never find neither. */
async function takeOver(store: Store, index: string, copy: string): Promise<object[]> {
  const of = async (name: string) => {
    const path = `/${encodeURIComponent(name)}/_alias`
    const answer = await store.call(withAliases, { method: 'GET', path, query: { expand_wildcards: 'all' } })
    return Object.entries(answer[name]?.aliases ?? {})
  }
  const own = (await of(copy)).flatMap(([alias]) =>
    alias.startsWith(BEHIND) || alias.startsWith(MADE_OF) ? [{ remove: { index: copy, alias } }] : [],
  )
  const names = (await of(index)).map(([alias, how]) => ({ add: { index: copy, alias, ...how } }))
  return [{ remove_index: { index } }, { add: { index: copy, alias: index } }, ...names, ...own]
}

async function setSettings(store: Store, index: string, body: object): Promise<void> {
  const path = `/${encodeURIComponent(index)}/_settings`
  await store
    .call(z.unknown(), { method: 'PUT', path, query: { expand_wildcards: 'all' }, body })
    .catch((error: unknown) => {
      // Nothing to lift where there is nothing.
      if (!(error instanceof StoreError && error.status === 404)) throw error
    })
}
