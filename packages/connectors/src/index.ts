import type { Connector } from '@lethe/eraser-kit'
import { elasticsearch } from './elasticsearch/index.js'
import { postgres } from './postgres/index.js'
import { redis } from './redis/index.js'

export { elasticsearch } from './elasticsearch/index.js'
export { kinds } from './kinds.js'
export { postgres } from './postgres/index.js'
export { redis } from './redis/index.js'

/** Every connector by kind, vendors' clients included; `@lethe/connectors/kinds` is the light half. */
export const connectors: Readonly<Record<string, Connector>> = {
  elasticsearch: elasticsearch as unknown as Connector,
  postgres: postgres as unknown as Connector,
  redis: redis as unknown as Connector,
}
