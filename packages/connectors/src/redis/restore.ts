import type { OpenContext, RestoreSession } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import { guarded } from './errors.js'
import { gateOf } from './gate.js'
import type { RedisSystem } from './grammar.js'
import { Ledger } from './ledger.js'
import type { RedisOptions } from './options.js'
import { Store } from './store.js'

/**
 * Marker and gate, with the replay user. Throws a TerminalError `receipts_evictable` where the server may
 * evict the marker: then only sweeps can tell that it was restored.
 */
export async function openRestore(context: OpenContext<RedisOptions, RedisSystem>): Promise<RestoreSession> {
  const store = await Store.open(context.options)
  const facts = await store.facts().catch((error: unknown) => {
    store.close()
    throw error
  })
  if (facts.some(({ evicts }) => evicts)) {
    store.close()
    throw new TerminalError(
      'receipts_evictable',
      'This Redis may evict the marker; set noeviction or volatile-*.',
    )
  }
  const ledger = new Ledger(store, context.systemId)
  const gate = gateOf(store)
  return {
    // A restart changes the run id, loading by replication and a fail-over the replication id: old data may be back.
    identity: async () =>
      `##${(await store.facts())
        .map(({ run }) => run)
        .sort()
        .join(' ')}`,
    marker: {
      read: () => guarded('read the marker', () => ledger.marker()),
      replace: (expected, next) => guarded('replace the marker', () => ledger.replaceMarker(expected, next)),
    },
    gate: {
      shut: () => guarded('shut the gate', () => gate.shut()),
      admitted: () => guarded('see who gets in', () => gate.admitted()),
      open: (admitted) => guarded('open the gate', () => gate.open(admitted)),
      state: () => guarded('look at the gate', () => gate.state()),
      prepared: () => guarded('see whether it was shut before its start', () => gate.prepared()),
    },
    prepare: async () => undefined,
    close: async () => store.close(),
  }
}
