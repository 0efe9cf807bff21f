import { TerminalError } from '@lethe/eraser-kit'
import { z } from 'zod'
import { isBlocked } from './behind.js'
import { meaningOf, StoreError } from './errors.js'
import { RECEIPTS } from './ledger.js'
import { indexInfo } from './mapping.js'
import { elasticsearchOptions } from './options.js'
import { Store } from './store.js'

export interface SnapshotRestore {
  /** With a user who may restore snapshots and create the indices. */
  readonly url: string
  readonly repository: string
  readonly snapshot: string
  /** Names as they stand in the snapshot; all but the cluster's own when left out. */
  readonly indices?: readonly string[] | undefined
  readonly dryRun?: boolean
}

export interface ShutSnapshot {
  readonly indices: readonly string[]
  /** The call that was made, or would be; anybody may make it by hand. */
  readonly call: { readonly method: 'POST'; readonly path: string; readonly body: object }
  readonly warnings: readonly string[]
}

const BLOCKS = { 'index.blocks.read': true, 'index.blocks.write': true } as const
const found = z.object({
  snapshots: z.array(z.object({ state: z.string(), indices: z.array(z.string()) })).default([]),
})
const indices = z.record(z.string(), indexInfo)

/**
 * Makes the restore call of a snapshot with the blocks of a shut gate in it: from its first moment every index refuses
 * everybody. Needs no service. Returns when the cluster has taken the call and shows the blocks; shards come after.
 *
 * @throws TerminalError that says what to do; before the call nothing was changed
 */
export async function restoreShut(given: SnapshotRestore): Promise<ShutSnapshot> {
  const repository = named('repository', given.repository)
  const snapshot = named('snapshot', given.snapshot)
  const store = await opened(given.url)
  try {
    const names = await namesIn(store, { ...given, repository, snapshot })
    await refuseStanding(store, names)
    const call = {
      method: 'POST',
      path: `/_snapshot/${encodeURIComponent(repository)}/${encodeURIComponent(snapshot)}/_restore`,
      body: { indices: names.join(','), include_global_state: false, index_settings: BLOCKS },
    } as const
    const warnings = names.includes(RECEIPTS)
      ? []
      : [
          `Lethe's own index ${RECEIPTS} is not restored with them: only the blocks tell that a copy came in, so do not lift them by hand.`,
        ]
    if (!given.dryRun) {
      await store.call(z.unknown(), call).catch((error: unknown) => {
        throw refused('The cluster would not restore it', error)
      })
      await proveShut(store, names)
    }
    return { indices: names, call, warnings }
  } finally {
    await store.close()
  }
}

async function opened(url: string): Promise<Store> {
  const options = elasticsearchOptions.parse(url)
  try {
    return await Store.open(options, 'elasticsearch')
  } catch (error) {
    if (!(error instanceof TerminalError && error.code === 'wrong_flavour')) throw error
    return Store.open(options, 'opensearch')
  }
}

/** What is restored: named ones must be in the snapshot as they are, or nothing might be shut. */
async function namesIn(
  store: Store,
  { repository, snapshot, indices: wanted }: Pick<SnapshotRestore, 'repository' | 'snapshot' | 'indices'>,
): Promise<string[]> {
  const path = `/_snapshot/${encodeURIComponent(repository)}/${encodeURIComponent(snapshot)}`
  const answer = await store.call(found, { method: 'GET', path }).catch((error: unknown) => {
    if (!(error instanceof StoreError && error.status === 404)) throw refused('It can not be read', error)
    throw new TerminalError(
      'no_snapshot',
      `This cluster knows no snapshot ${snapshot} of a repository ${repository}: GET /_snapshot/${repository}/_all lists them.`,
    )
  })
  const [one] = answer.snapshots
  if (one === undefined || one.state !== 'SUCCESS')
    throw new TerminalError(
      'incomplete_snapshot',
      `The snapshot ${snapshot} is ${one?.state ?? 'not there'}: only one that succeeded is restored with its gate shut.`,
    )
  const missing = (wanted ?? []).filter((name) => !one.indices.includes(name))
  if (missing.length > 0)
    throw new TerminalError(
      'no_index',
      `The snapshot ${snapshot} has no ${missing.join(', ')}; it has ${one.indices.join(', ')}. Name them as they stand there, without wildcards.`,
    )
  const names = wanted ?? one.indices.filter((name) => !name.startsWith('.'))
  if (names.length === 0)
    throw new TerminalError('no_index', `The snapshot ${snapshot} has no index that could be restored.`)
  return [...names].sort()
}

/** After a gate was opened its index has another name, and the old one is an alias of it. */
async function refuseStanding(store: Store, names: readonly string[]): Promise<void> {
  const standing: string[] = []
  for (const name of names) {
    const there = await store.callIfThere(indices, {
      method: 'GET',
      path: `/${encodeURIComponent(name)}`,
      query: { expand_wildcards: 'all' },
    })
    for (const [index, info] of Object.entries(there ?? {}))
      if (index !== name || !info.settings.index.verified_before_close) standing.push(index)
  }
  if (standing.length === 0) return
  throw new TerminalError(
    'still_there',
    `The cluster restores into no index that is there: ${standing.join(', ')}. Delete what is to be replaced (${standing.map((index) => `DELETE /${index}`).join(', ')}), then prepare again. Nothing was changed.`,
  )
}

/** As the cluster says, not as it was asked. */
async function proveShut(store: Store, names: readonly string[]): Promise<void> {
  const open: string[] = []
  for (const name of names) {
    const there = await store.callIfThere(indices, { method: 'GET', path: `/${encodeURIComponent(name)}` })
    const info = there?.[name]
    if (info === undefined || !isBlocked(info) || info.settings.index.blocks?.write !== true) open.push(name)
  }
  if (open.length === 0) return
  throw new TerminalError(
    'not_shut',
    `The cluster shows no blocks on ${open.join(', ')}: anybody may read what is restored. Set them (PUT /<index>/_block/write, then /read), or delete them, and say lethe restore announce.`,
  )
}

/** @throws TerminalError where it might mean more than one */
export function named(what: string, name: string): string {
  // Neither a path, a list nor a pattern may hide in it.
  if (/^[^\s/\\*?"<>|,#_][^\s/\\*?"<>|,#]{0,254}$/u.test(name)) return name
  throw new TerminalError('invalid_name', `This is no name of one ${what}: no lists, wildcards or slashes.`)
}

/** Of what the cluster said only the status and its own name for the error: the rest may quote documents. */
export function refused(what: string, error: unknown): Error {
  if (!(error instanceof StoreError)) return error instanceof Error ? error : new Error(String(error))
  const { code } = meaningOf(error.status, error.kind)
  return new TerminalError(
    code,
    `${what} (HTTP ${error.status ?? 'no answer'}, ${error.kind}). Its log says more.`,
    { cause: error },
  )
}
