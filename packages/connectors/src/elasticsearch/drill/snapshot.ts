import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { TerminalError } from '@lethe/eraser-kit'
import { z } from 'zod'
import { StoreError } from '../errors.js'
import { paths } from '../look.js'
import { refused } from '../prepare.js'
import type { Store } from '../store.js'

const EVERY_MS = 250
/** Shards that are neither there nor on their way for so long are not restored any more, milliseconds. */
const STUCK_MS = 30_000

const repositories = z.record(
  z.string(),
  z.object({ settings: z.object({ readonly: z.union([z.string(), z.boolean()]).optional() }).default({}) }),
)
const snapshots = z.object({
  snapshots: z
    .array(z.object({ uuid: z.string(), state: z.string(), indices: z.array(z.string()) }))
    .default([]),
})
const sizes = z.object({
  snapshots: z.array(z.object({ stats: z.object({ total: z.object({ size_in_bytes: z.number() }) }) })),
})
const health = z.object({
  status: z.string(),
  initializing_shards: z.number(),
  relocating_shards: z.number(),
})
const marked = z.record(
  z.string(),
  z.object({ settings: z.object({ 'index.priority': z.string().optional() }).default({}) }),
)

/** A snapshot of one repository that two clusters know. */
export interface SnapshotName {
  readonly repository: string
  readonly snapshot: string
}

const pathOf = ({ repository, snapshot }: SnapshotName): string =>
  `/_snapshot/${encodeURIComponent(repository)}/${encodeURIComponent(snapshot)}`

/** The cluster in use writes into the repository, the scratch cluster must not: two that write destroy it. */
export async function assertRepository(
  store: Store,
  repository: string,
  role: 'in use' | 'scratch',
): Promise<void> {
  const path = `/_snapshot/${encodeURIComponent(repository)}`
  const one = (await store.callIfThere(repositories, { method: 'GET', path }))?.[repository]
  if (one === undefined)
    throw new TerminalError(
      'no_repository',
      `The ${role === 'scratch' ? 'scratch cluster' : 'cluster in use'} knows no snapshot repository ${repository}: both need it, at the same place.`,
    )
  const readOnly = String(one.settings.readonly) === 'true'
  if (readOnly === (role === 'scratch')) return
  throw new TerminalError(
    'repository_unfit',
    readOnly
      ? `The repository ${repository} is read-only for the cluster in use: no backup can be made into it.`
      : `The repository ${repository} is not read-only for the scratch cluster: register it there with "readonly": true.`,
  )
}

/** Which cluster this is, whatever its address. */
export async function clusterId(store: Store): Promise<string> {
  const answer = z.object({ cluster_uuid: z.string() })
  return (await store.call(answer, { method: 'GET', path: '/_cluster/state/version' })).cluster_uuid
}

/** Resolves when the cluster has written all of it. */
export async function takeSnapshot(
  store: Store,
  name: SnapshotName,
  indices: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const path = pathOf(name)
  const body = { indices: indices.join(','), include_global_state: false }
  await store
    .call(z.unknown(), { method: 'PUT', path, query: { wait_for_completion: false }, body })
    .catch((error: unknown) => {
      throw refused('The cluster would not take a snapshot', error)
    })
  for (;;) {
    const [one] = (await store.call(snapshots, { method: 'GET', path })).snapshots
    if (one !== undefined && one.state !== 'IN_PROGRESS' && one.state !== 'STARTED') {
      if (one.state !== 'SUCCESS')
        throw new TerminalError(
          'backup_failed',
          `The snapshot ended as ${one.state}. The cluster's log says why.`,
        )
      const status = await store.call(sizes, { method: 'GET', path: `${path}/_status` })
      const bytes = status.snapshots.reduce((sum, { stats }) => sum + stats.total.size_in_bytes, 0)
      // Its files are the cluster's: what it calls them and how many bytes they are is all that can be told here.
      const said = JSON.stringify([one.uuid, [...one.indices].sort(), bytes])
      return { bytes, sha256: createHash('sha256').update(said).digest('hex') }
    }
    await pause(EVERY_MS, undefined, { signal })
  }
}

/**
 * Restores all of a snapshot into a cluster that has none of its indices, under their own names. Each bears `mark` from
 * its first moment on, so that `dropMarked` takes away just these. Resolves when every shard is there.
 */
export async function restoreMarked(
  store: Store,
  name: SnapshotName,
  mark: number,
  signal: AbortSignal,
): Promise<void> {
  const path = pathOf(name)
  const answer = await store.callIfThere(snapshots, { method: 'GET', path })
  const indices = answer?.snapshots[0]?.indices ?? []
  if (indices.length === 0)
    throw new TerminalError(
      'no_snapshot',
      `The scratch cluster does not see what the cluster in use has written: its repository ${name.repository} must be the same place.`,
    )
  const settings = {
    'index.priority': mark,
    'index.number_of_replicas': 0,
    'index.auto_expand_replicas': false,
  }
  const body = { indices: indices.join(','), include_global_state: false, index_settings: settings }
  const call = {
    method: 'POST',
    path: `${path}/_restore`,
    query: { wait_for_completion: false },
    body,
  } as const
  await store.call(z.unknown(), call).catch((error: unknown) => {
    throw refused('The scratch cluster would not restore it', error)
  })
  await restored(store, indices, signal)
}

async function restored(store: Store, indices: readonly string[], signal: AbortSignal): Promise<void> {
  let stuckSince: number | null = null
  for (;;) {
    let waiting = 0
    let moving = 0
    for (const names of paths(indices)) {
      const query = { timeout: '1s', level: 'cluster' }
      const one = await store.call(health, { method: 'GET', path: `/_cluster/health/${names}`, query })
      // Without replicas: yellow is a shard that still waits for its turn.
      if (one.status !== 'green') waiting++
      moving += one.initializing_shards + one.relocating_shards
    }
    if (waiting === 0) return
    if (moving > 0) stuckSince = null
    else stuckSince ??= Date.now()
    if (stuckSince !== null && Date.now() - stuckSince > STUCK_MS)
      throw new TerminalError(
        'restore_failed',
        'The scratch cluster does not get all shards from the snapshot: it may be older than the cluster in use, or have no room. Its log says more.',
      )
    await pause(EVERY_MS, undefined, { signal })
  }
}

/** A number that stands for a drill in a setting which changes nothing here: which index comes back first. */
export const markOf = (systemId: string, drillId: string): number =>
  2 ** 30 + (createHash('sha256').update(`${systemId}/${drillId}`).digest().readUInt32LE(0) % 2 ** 30)

/** Idempotent. Takes away what `restoreMarked` made under that mark, and nothing else. */
export async function dropMarked(store: Store, mark: number): Promise<void> {
  const query = { expand_wildcards: 'all', flat_settings: true, allow_no_indices: true }
  const all = await store.call(marked, { method: 'GET', path: '/*/_settings/index.priority', query })
  for (const [index, { settings }] of Object.entries(all))
    if (settings['index.priority'] === String(mark))
      await store.callIfThere(z.unknown(), { method: 'DELETE', path: `/${encodeURIComponent(index)}` })
}

/** Idempotent; ends one that is still being taken. */
export async function dropSnapshot(store: Store, name: SnapshotName): Promise<void> {
  try {
    await store.callIfThere(z.unknown(), { method: 'DELETE', path: pathOf(name) })
  } catch (error) {
    if (error instanceof StoreError) throw refused('The snapshot of the drill could not be deleted', error)
    throw error
  }
}
