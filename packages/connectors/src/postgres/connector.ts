import { defineConnector } from '@lethe/eraser-kit'
import { type PostgresOptions, postgresOptions } from './database.js'
import { openDrill } from './drill/index.js'
import { type PostgresSystem, postgresIdentifiers, postgresSystem } from './grammar.js'
import { present } from './present.js'
import { openProbe } from './probe.js'
import { openRestore } from './restore.js'
import { checkMap, openSession } from './session.js'

/** PostgreSQL 13 and later. */
export const postgres = defineConnector<PostgresOptions, PostgresSystem>({
  kind: 'postgres',
  version: '0.1.0',
  stage: 'record',
  options: postgresOptions,
  system: postgresSystem,
  identifiers: postgresIdentifiers,
  capabilities: {
    receipts: 'transactional',
    batch: { max: 1_000, concurrency: 2 },
    bulk: { max: 5_000 },
    undated: true,
  },
  open: openSession,
  openProbe,
  openRestore,
  openDrill,
  present,
  check: checkMap,
})
