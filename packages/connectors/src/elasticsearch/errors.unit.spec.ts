import { inspect } from 'node:util'
import { StoreAwayError } from '@lethe/eraser-kit'
import { expect, it } from 'vitest'
import { crossing, StoreError } from './errors.js'

it('a mistake of the connector itself leaves with where it was and without what it handled', () => {
  const error = crossing(new SyntaxError('no JSON: zoe#1\n    at zoe#1 (here)'), 'look for documents')
  expect(error).toMatchObject({ code: 'internal', errorClass: 'retryable' })
  expect((error.cause as Error).stack).toMatch(/^SyntaxError\n\s+at /)
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('zoe#1')
})

it.each([
  [null, 'none'],
  [null, 'timeout'],
  [503, 'unavailable_shards_exception'],
  [503, 'master_not_discovered_exception'],
  [503, 'cluster_block_exception'],
  [429, 'cluster_block_exception'],
  [429, 'circuit_breaking_exception'],
  [429, 'es_rejected_execution_exception'],
  [503, 'search_phase_execution_exception'],
  [500, 'node_closed_exception'],
  [502, 'none'],
  [504, 'none'],
] as const)('an outage that answers %s %s is one the work waits for', (status, kind) => {
  expect(crossing(new StoreError(status, kind), 'erase')).toBeInstanceOf(StoreAwayError)
})

it.each([
  [403, 'cluster_block_exception', 'blocked'],
  [409, 'version_conflict_engine_exception', 'version_conflict'],
  [400, 'parsing_exception', 'request_refused'],
  [403, 'security_exception', 'missing_rights'],
  [404, 'index_not_found_exception', 'missing_index'],
  [500, 'null_pointer_exception', 'store_error'],
] as const)('what the answer %s %s says is no outage', (status, kind, code) => {
  const error = crossing(new StoreError(status, kind), 'erase')
  expect(error).not.toBeInstanceOf(StoreAwayError)
  expect(error).toMatchObject({ code })
})
