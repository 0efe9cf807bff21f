import { defineConnector } from '@lethe/eraser-kit'
import { openDrill } from './drill/index.js'
import { redisKind, redisSystem } from './grammar.js'
import { redisOptions } from './options.js'
import { openProbeSession } from './probe.js'
import { openRestore } from './restore.js'
import { openSession } from './session.js'

export type { RedisSystem } from './grammar.js'
export { redisKind } from './grammar.js'
export type { RedisOptions } from './options.js'
export { type PreparedServer, type Preparing, prepareRedis } from './prepare.js'

/** Keys of a Redis or a Redis cluster. Receipts are a last step: counts are kept with each removal. */
export const redis = defineConnector({
  kind: redisKind.kind,
  version: '0.1.0',
  stage: redisKind.stage,
  options: redisOptions,
  system: redisSystem,
  identifiers: redisKind.identifiers,
  capabilities: { receipts: 'last-step', batch: { max: 1_000, concurrency: 1 } },
  open: openSession,
  openProbe: openProbeSession,
  openRestore,
  openDrill,
})
