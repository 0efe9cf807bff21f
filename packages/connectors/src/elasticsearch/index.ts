import { defineConnector } from '@lethe/eraser-kit'
import { openDrill } from './drill/index.js'
import { elasticsearchKind, elasticsearchSystem } from './grammar.js'
import { elasticsearchOptions } from './options.js'
import { present } from './present.js'
import { openProbeSession } from './probe.js'
import { openRestore } from './restore.js'
import { checkMap, openSession } from './session.js'

export type { ElasticsearchSystem } from './grammar.js'
export { elasticsearchKind } from './grammar.js'
export { receiptsIndex } from './ledger.js'
export type { ElasticsearchOptions } from './options.js'
export { restoreShut, type ShutSnapshot, type SnapshotRestore } from './prepare.js'

/** Documents of an Elasticsearch (7.17 and later) or OpenSearch (3 and later) cluster. */
export const elasticsearch = defineConnector({
  kind: elasticsearchKind.kind,
  version: '0.1.0',
  stage: elasticsearchKind.stage,
  options: elasticsearchOptions,
  system: elasticsearchSystem,
  identifiers: elasticsearchKind.identifiers,
  capabilities: { receipts: 'last-step', batch: { max: 1_000, concurrency: 1 }, undated: true },
  open: openSession,
  openProbe: openProbeSession,
  openRestore,
  openDrill,
  present,
  check: checkMap,
})
