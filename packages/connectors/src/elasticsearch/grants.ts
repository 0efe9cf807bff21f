import type { Grants } from '@lethe/eraser-kit'
import type { ElasticsearchSystem } from './grammar.js'
import { RECEIPTS } from './ledger.js'
import type { Job } from './targets.js'

/** Actions of OpenSearch that stand for the same rights. */
const OPENSEARCH: Readonly<Record<string, readonly string[]>> = {
  read: ['read'],
  view_index_metadata: ['indices:admin/get', 'indices:admin/mappings/get', 'indices:admin/aliases/get'],
  maintenance: ['indices:admin/refresh*'],
  monitor: ['indices:monitor/*', 'indices:admin/shards/search_shards'],
  delete: ['delete', 'indices:data/write/bulk*'],
  write: ['write'],
  create_index: ['create_index'],
}

interface Rights {
  readonly names: readonly string[]
  readonly privileges: readonly string[]
}

/** The smallest rights this map works with, as calls that create a role `eraser` and a role `probe`. */
export function grantsFor(flavour: ElasticsearchSystem['flavour'], jobs: readonly Job[]): Grants {
  const seeing = ['read', 'view_index_metadata', 'maintenance', 'monitor']
  const patterns = [
    ...new Set(jobs.map(({ name }) => `${name.before}${name.tenanted ? '*' : ''}${name.after}`)),
  ]
  const redacted = (pattern: string) =>
    jobs.some(
      ({ name, method }) =>
        method === 'redact' && `${name.before}${name.tenanted ? '*' : ''}${name.after}` === pattern,
    )
  const erase: Rights[] = [
    ...patterns.map((pattern) => ({
      names: [pattern],
      privileges: [...seeing, redacted(pattern) ? 'write' : 'delete'],
    })),
    { names: [RECEIPTS], privileges: [...seeing, 'write', 'create_index'] },
  ]
  return {
    erase: [roleCall(flavour, 'eraser', erase)],
    probe: [roleCall(flavour, 'probe', [{ names: ['*'], privileges: seeing }])],
  }
}

function roleCall(flavour: ElasticsearchSystem['flavour'], role: string, rights: readonly Rights[]): string {
  if (flavour === 'elasticsearch') {
    const body = { cluster: ['monitor'], indices: rights }
    return `PUT /_security/role/${role} ${JSON.stringify(body)}`
  }
  const body = {
    cluster_permissions: ['cluster_monitor', 'cluster_composite_ops'],
    index_permissions: rights.map(({ names, privileges }) => ({
      index_patterns: names,
      allowed_actions: privileges.flatMap((privilege) => OPENSEARCH[privilege] ?? []),
    })),
  }
  return `PUT /_plugins/_security/api/roles/${role} ${JSON.stringify(body)}`
}
