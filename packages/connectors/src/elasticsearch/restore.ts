import { createHash } from 'node:crypto'
import type { Marker, RestoreSession } from '@lethe/eraser-kit'
import { z } from 'zod'
import { guarded, StoreError } from './errors.js'
import { gateOf, lift } from './gate.js'
import { historiesOf } from './histories.js'
import { Ledger, RECEIPTS } from './ledger.js'
import { Store } from './store.js'
import { type ElasticsearchContext, indicesOf, type Job, jobsOf } from './targets.js'

const markerDoc = z.object({
  found: z.boolean().optional(),
  _seq_no: z.number().optional(),
  _primary_term: z.number().optional(),
  _source: z.object({ value: z.string().optional() }).optional(),
})
/**
 * Marker and identity. A snapshot that brings back Lethe's own index brings back an old marker; one that brings back
 * an index of the map alone gives its shards another history, and with it the store another identity.
 */
export async function openRestore(context: ElasticsearchContext): Promise<RestoreSession> {
  const store = await Store.open(context.options, context.system.flavour)
  const ledger = new Ledger(store, context.systemId)
  const jobs = jobsOf(context.system)
  const gate = gateOf(store, jobs)
  return {
    identity: () => guarded('read which copy this is', () => identityOf(store, jobs)),
    marker: {
      read: () => guarded('read the marker', () => readMarker(store, ledger)),
      replace: (expected, next) =>
        guarded('replace the marker', async () => {
          await ledger.prepare()
          return replaceMarker(store, context.systemId, expected, next)
        }),
    },
    gate: {
      admitted: () => guarded('see who gets in', () => gate.admitted()),
      shut: () => guarded('shut the gate', () => gate.shut()),
      open: (admitted) => guarded('open the gate', () => gate.open(admitted)),
      state: () => guarded('look at the gate', () => gate.state()),
      prepared: () => guarded('see whether it was blocked when it was restored', () => gate.prepared()),
    },
    prepare: () => guarded('make its index', () => ledger.prepare()),
    close: () => store.close(),
  }
}

/** A digest of the histories of the map's indices: somebody must look at one that is restored or new. */
async function identityOf(store: Store, jobs: readonly Job[]): Promise<string> {
  const found = await Promise.all(jobs.map(({ name }) => indicesOf(store, name)))
  const names = [...new Set(found.flatMap((infos) => [...infos.keys()]))].sort()
  const histories = await historiesOf(store, names)
  const lines = names.map((name) => histories.get(name))
  return createHash('sha256').update(lines.join('\n')).digest('base64url')
}

/** A restore call that blocks every index it brings back blocks Lethe's own with them: that one is lifted. */
async function readMarker(store: Store, ledger: Ledger): Promise<Marker> {
  try {
    return await ledger.marker()
  } catch (error) {
    if (!(error instanceof StoreError && error.kind === 'cluster_block_exception' && error.status === 403))
      throw error
    await lift(store, RECEIPTS)
    return ledger.marker()
  }
}

async function replaceMarker(
  store: Store,
  systemId: string,
  expected: string | null,
  next: string,
): Promise<boolean> {
  const path = `/${RECEIPTS}/_doc/${encodeURIComponent(`marker.${systemId}`)}`
  const old = await store.callIfThere(markerDoc, { method: 'GET', path })
  if ((old?._source?.value ?? null) !== expected) return false
  const query: Record<string, string | number> =
    old?._seq_no === undefined
      ? { op_type: 'create' }
      : { if_seq_no: old._seq_no, if_primary_term: old._primary_term ?? 0 }
  try {
    const body = { kind: 'marker', system: systemId, value: next }
    await store.call(z.unknown(), { method: 'PUT', path, query, body })
    return true
  } catch (error) {
    // Somebody else wrote it in between.
    if (error instanceof StoreError && error.status === 409) return false
    throw error
  }
}
