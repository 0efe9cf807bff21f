import { describe, expect, it } from 'vitest'
import { refuseParts } from './look.js'
import { failureIn, itemFailure } from './removal.js'

type Deleted = Parameters<typeof failureIn>[0]
type Item = Parameters<typeof itemFailure>[0]
type Searched = Parameters<typeof refuseParts>[0]
interface Readers {
  readonly deleted: (answer: Deleted) => unknown
  readonly item: (item: Item) => unknown
  readonly searched: (answer: Searched) => void
}

const deleted: Deleted = { timed_out: false, deleted: 1, version_conflicts: 0, failures: [] }
const searched: Searched = { timed_out: false, _shards: { total: 2, successful: 2, failed: 0 } }
const busy = { status: 429, cause: { type: 'es_rejected_execution_exception' } }

/** What every reader of answers must say; each name is that of the readers broken in it below. */
const CHECKS: Readonly<Record<string, (readers: Readers) => void>> = {
  'what went well': ({ deleted: read, item, searched: look }) => {
    expect(read(deleted)).toBeNull()
    expect(item({ status: 200, result: 'deleted' })).toBeNull()
    expect(item({ status: 201, result: 'updated' })).toBeNull()
    expect(() => look(searched)).not.toThrow()
  },
  'version conflicts': ({ deleted: read, item }) => {
    const conflict = { code: 'version_conflict', errorClass: 'retryable' }
    expect(read({ ...deleted, version_conflicts: 1 })).toEqual(conflict)
    expect(item({ status: 409, error: { type: 'version_conflict_engine_exception' } })).toEqual(conflict)
    expect(item({ status: 404, result: 'not_found' })).toEqual(conflict)
  },
  rejections: ({ deleted: read, item }) => {
    const later = { code: 'store_busy', errorClass: 'retryable' }
    expect(read({ ...deleted, failures: [busy] })).toEqual(later)
    expect(item({ status: 429, error: busy.cause })).toEqual(later)
    expect(item({ status: 400, error: { type: 'mapper_parsing_exception' } })).toMatchObject({
      errorClass: 'terminal',
    })
  },
  'changes that change nothing': ({ item }) => {
    expect(item({ status: 200, result: 'noop' })).toMatchObject({ code: 'not_changed' })
  },
  'time that ran out': ({ deleted: read, searched: look }) => {
    expect(read({ ...deleted, timed_out: true })).toMatchObject({ code: 'timeout' })
    expect(() => look({ ...searched, timed_out: true })).toThrow('did not look everywhere')
  },
  'failed shards': ({ searched: look }) => {
    const parts = { total: 2, successful: 2, failed: 1 }
    expect(() => look({ ...searched, _shards: parts })).toThrow('did not look everywhere')
  },
  'silent shards': ({ searched: look }) => {
    const parts = { total: 2, successful: 1, failed: 0 }
    expect(() => look({ ...searched, _shards: parts })).toThrow('did not look everywhere')
  },
}

const own: Readers = { deleted: failureIn, item: itemFailure, searched: refuseParts }
const all = (change: Partial<Searched['_shards']>) => (answer: Searched) =>
  refuseParts({ ...answer, _shards: { ...answer._shards, ...change } })
/** Readers broken in one way, and the check that must notice. */
const BROKEN: readonly (readonly [check: string, flaw: string, readers: Readers])[] = [
  ['what went well', 'takes everything for a failure', { ...own, item: () => ({ code: 'x' }) }],
  [
    'version conflicts',
    'skips conflicts of a deletion by query',
    { ...own, deleted: (answer) => failureIn({ ...answer, version_conflicts: 0 }) },
  ],
  [
    'version conflicts',
    'takes a document that changed for done',
    { ...own, item: (item) => (item.status === 409 ? null : itemFailure(item)) },
  ],
  [
    'version conflicts',
    'takes a document that vanished for deleted by itself',
    { ...own, item: (item) => (item.status === 404 ? null : itemFailure(item)) },
  ],
  ['rejections', 'reads the status of the whole bulk request only', { ...own, item: () => null }],
  [
    'rejections',
    'counts deletions and leaves out what failed',
    { ...own, deleted: (answer) => failureIn({ ...answer, failures: [] }) },
  ],
  [
    'changes that change nothing',
    'takes a noop for a redaction',
    { ...own, item: (item) => (item.result === 'noop' ? null : itemFailure(item)) },
  ],
  [
    'time that ran out',
    'takes half a search for a whole one',
    { ...own, searched: (answer) => refuseParts({ ...answer, timed_out: false }) },
  ],
  ['failed shards', 'ignores failed shards', { ...own, searched: all({ failed: 0 }) }],
  ['silent shards', 'compares with failed shards only', { ...own, searched: all({ total: 0 }) }],
]

describe('an answer of the store', () => {
  it.each(Object.entries(CHECKS))('is read for %s', (_name, check) => check(own))

  it.each(BROKEN)('the check of %s notices a reader that %s', (name, _flaw, readers) => {
    expect(() => CHECKS[name]?.(readers)).toThrow()
  })
})
