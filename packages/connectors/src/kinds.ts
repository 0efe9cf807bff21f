import { type MapKind, manualKind } from '@lethe/data-map'
import { elasticsearchKind } from './elasticsearch/grammar.js'
import { postgresKind } from './postgres/grammar.js'
import { redisKind } from './redis/grammar.js'

/** Grammar, stage and identifiers of every kind, without a vendor's client: what plans are compiled with. */
export const kinds: Readonly<Record<string, MapKind>> = {
  elasticsearch: elasticsearchKind,
  manual: manualKind,
  postgres: postgresKind,
  redis: redisKind,
}
