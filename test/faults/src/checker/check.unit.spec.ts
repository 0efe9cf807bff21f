import { describe, expect, it } from 'vitest'
import type { Entry } from '../run/history.js'
import { check, invariants } from './check.js'
import type { Evidence, LogRow, RequestRow } from './evidence.js'
import { memory, soundEvidence } from './sound-evidence.spec.js'

/** What a broken Lethe, or a broken run, would have left behind; and the invariant that must say so. */
interface Mutant {
  readonly invariant: number
  readonly does: string
  readonly change: (sound: Evidence) => Partial<Evidence>
}

const inLog = (sound: Evidence, stream: string, change: (rows: readonly LogRow[]) => readonly LogRow[]) => ({
  log: new Map(sound.log).set(stream, change(sound.log.get(stream) ?? [])),
})
const without =
  (type: string, where: (row: LogRow) => boolean = () => true) =>
  (rows: readonly LogRow[]) =>
    rows.filter((row) => !(row.type === type && where(row)))
const inData = (type: string, data: Record<string, unknown>) => (rows: readonly LogRow[]) =>
  rows.map((row) => (row.type === type ? { ...row, data: { ...row.data, ...data } } : row))
const after = (type: string, data: Record<string, unknown>) => (rows: readonly LogRow[]) => [
  ...rows,
  { stream: rows[0]?.stream ?? '', version: rows.length + 1, type, data },
]
const shownAs = (sound: Evidence, id: string, change: Partial<RequestRow>) => ({
  requests: new Map(sound.requests).set(id, { ...(sound.requests.get(id) as RequestRow), ...change }),
})
const inHistory = (sound: Evidence, change: (entry: Entry) => Entry | null) => ({
  history: sound.history.flatMap((entry) => change(entry) ?? []),
})
const ofShop = (row: LogRow) => row.data['systemId'] === 'shop-pg'

const mutants: readonly Mutant[] = [
  {
    invariant: 1,
    does: 'completes without an acknowledgement',
    change: (sound) => inLog(sound, 'r1', without('PassAcknowledged', ofShop)),
  },
  {
    invariant: 1,
    does: 'takes an acknowledgement without a grant',
    change: (sound) => inLog(sound, 'r1', without('GrantIssued', ofShop)),
  },
  {
    invariant: 1,
    does: 'completes without a clean probe',
    change: (sound) => inLog(sound, 'r1', inData('ProbeReported', { result: 'residual' })),
  },
  {
    invariant: 1,
    does: 'takes a failure for done',
    change: (sound) => inLog(sound, 'r1', inData('PassAcknowledged', { outcome: 'failed' })),
  },
  {
    invariant: 2,
    does: 'leaves a row behind',
    change: ({ left }) => ({ left: new Map(left).set(1, { 'shop-pg': 1, cache: 0, search: 0 }) }),
  },
  {
    invariant: 2,
    does: 'leaves a key of someone who asked by message',
    change: ({ left }) => ({ left: new Map(left).set(2, { 'shop-pg': 0, cache: 1, search: 0 }) }),
  },
  {
    invariant: 3,
    does: 'leaves a request under way',
    change: (sound) => shownAs(sound, 'r3', { status: 'IN_PROGRESS', attention: null }),
  },
  {
    invariant: 3,
    does: 'fails a request that nobody owns',
    change: (sound) => shownAs(sound, 'r3', { status: 'FAILED', attention: null }),
  },
  {
    invariant: 3,
    does: 'never comes to rest',
    change: (sound) =>
      inHistory(sound, (entry) => (entry.type === 'converged' ? { ...entry, moving: 2 } : entry)),
  },
  { invariant: 3, does: 'keeps messages in the outbox', change: () => ({ outboxPending: 4 }) },
  {
    invariant: 4,
    does: 'loses what it answered',
    change: ({ log }) => ({ log: new Map([...log].filter(([stream]) => stream !== 'r3')) }),
  },
  {
    invariant: 4,
    does: 'loses a message',
    change: (sound) => inLog(sound, 'r2', inData('RequestReceived', { intakeKey: 'another' })),
  },
  {
    invariant: 4,
    does: 'makes two requests of one key',
    change: ({ history }) => ({
      history: [...history, { type: 'accepted', at: 0, n: 0, requestId: 'r3', intakeKey: null }],
    }),
  },
  {
    invariant: 4,
    does: 'makes a request that has no key',
    change: ({ idempotency }) => ({ idempotency: idempotency.slice(1) }),
  },
  {
    invariant: 5,
    does: 'shows another status than the log',
    change: (sound) => shownAs(sound, 'r3', { status: 'CANCELLED' }),
  },
  {
    invariant: 5,
    does: 'shows another date than the log',
    change: (sound) => shownAs(sound, 'r1', { completedAt: 1 }),
  },
  {
    invariant: 5,
    does: 'keeps a snapshot of another state',
    change: () => ({
      snapshots: [{ stream: 'r1', version: 4, state: { status: 'COMPLETED', completedAt: 3 } }],
    }),
  },
  {
    invariant: 5,
    does: 'rebuilds to something else',
    change: (sound) =>
      inHistory(sound, (entry) => (entry.type === 'rebuild' ? { ...entry, differences: 1 } : entry)),
  },
  {
    invariant: 6,
    does: 'records a duplicate',
    change: (sound) =>
      inLog(sound, 'r1', (rows) => [
        ...rows,
        { ...(rows.find(({ type }) => type === 'PassAcknowledged') as LogRow), version: rows.length + 1 },
      ]),
  },
  { invariant: 6, does: 'un-completes', change: (sound) => shownAs(sound, 'r1', { status: 'IN_PROGRESS' }) },
  {
    invariant: 6,
    does: 'grants after completion',
    change: (sound) => inLog(sound, 'r1', after('GrantIssued', { systemId: 'cache' })),
  },
  {
    invariant: 7,
    does: 'leaves a gap',
    change: (sound) => inLog(sound, 'r1', (rows) => rows.filter(({ version }) => version !== 3)),
  },
  {
    invariant: 7,
    does: 'loses the end of a stream',
    change: (sound) => inLog(sound, 'r1', (rows) => rows.slice(0, -1)),
  },
  {
    invariant: 8,
    does: 'commits events without their read model',
    change: (sound) => shownAs(sound, 'r1', { version: 3 }),
  },
  {
    invariant: 8,
    does: 'moves the offset past what was not folded',
    change: ({ inbox }) => ({ inbox: new Set([...inbox].slice(1)) }),
  },
  { invariant: 8, does: 'moves the offset beyond the end', change: () => ({ folded: new Map([[0, 99]]) }) },
  {
    invariant: 8,
    does: 'loses a row of the outbox',
    change: ({ statusMessages }) => ({ statusMessages: new Map(statusMessages).set('ref-r2', 2) }),
  },
  { invariant: 9, does: 'drops poison silently', change: () => ({ deadLetters: [] }) },
  {
    invariant: 9,
    does: 'puts good records aside',
    change: ({ deadLetters }) => ({
      deadLetters: [
        ...deadLetters,
        { group: 'aggregator', topic: 'erasure.acknowledged', partition: 0, offset: '2', code: 'x' },
      ],
    }),
  },
  {
    invariant: 9,
    does: 'raises no alarm',
    change: (sound) => inHistory(sound, (entry) => (entry.type === 'alarm' ? null : entry)),
  },
  {
    invariant: 10,
    does: 'counts a rerun as nothing found',
    change: (sound) => inLog(sound, 'r1', inData('PassAcknowledged', { counts: {} })),
  },
  {
    invariant: 11,
    does: 'changes a twin',
    change: (sound) =>
      inHistory(sound, (entry) =>
        entry.type === 'others' && entry.moment === 'after' ? { ...entry, digest: 'e' } : entry,
      ),
  },
  {
    invariant: 11,
    does: 'erases without a grant',
    change: ({ left }) => ({ left: new Map(left).set(3, { 'shop-pg': 11, cache: 0, search: 3 }) }),
  },
  {
    invariant: 12,
    does: 'erases a person who is held',
    change: (sound) =>
      inHistory(sound, (entry) =>
        entry.type === 'watched' && entry.moment === 'last'
          ? { ...entry, seen: { 'shop-pg': 11, cache: 4, search: 3 } }
          : entry,
      ),
  },
  {
    invariant: 12,
    does: 'grants during a hold',
    change: (sound) => inLog(sound, 'r3', after('GrantIssued', { systemId: 'cache' })),
  },
  {
    invariant: 12,
    does: 'commits after the effective time',
    change: () => ({ receipts: [{ requestId: 'r3', passId: 'p', writtenAt: 1_800_000_009_000 }] }),
  },
  {
    invariant: 14,
    does: 'grants without a tombstone',
    change: (sound) => inLog(sound, 'r1', without('TombstoneWritten', ofShop)),
  },
  {
    invariant: 14,
    does: 'loses a tombstone',
    change: ({ tombstones }) => ({ tombstones: tombstones.slice(1) }),
  },
  {
    invariant: 14,
    does: 'never publishes a tombstone',
    change: () => ({ publishedTombstones: new Set<string>() }),
  },
  {
    invariant: 14,
    does: 'lets a tombstone expire before the backups',
    change: () => ({ keptMs: { 'shop-pg': 100 * 86_400_000 } }),
  },
  {
    invariant: 17,
    does: 'names a person in a log',
    change: ({ searched }) => ({
      searched: [...searched, { place: 'the log request.log', bytes: 10, found: 1 }],
    }),
  },
  {
    invariant: 19,
    does: 'is too large',
    change: ({ history }) => ({ history: [...history, memory(0, 900_000)] }),
  },
  {
    invariant: 19,
    does: 'keeps growing',
    change: (sound) =>
      inHistory(sound, (entry) =>
        entry.type === 'memory' ? { ...entry, kilobytes: 60_000 + (entry.at % 1_000_000) } : entry,
      ),
  },
  {
    invariant: 20,
    does: 'reports too little',
    change: (sound) =>
      inHistory(sound, (entry) =>
        entry.type === 'lag' && entry.atLeast !== null ? { ...entry, reported: 2 } : entry,
      ),
  },
  {
    invariant: 20,
    does: 'reports while nothing can be known',
    change: (sound) =>
      inHistory(sound, (entry) =>
        entry.type === 'lag' && entry.brokerDown ? { ...entry, reported: 0, saidUnknown: false } : entry,
      ),
  },
  {
    invariant: 20,
    does: 'says neither a number nor unknown',
    change: (sound) =>
      inHistory(sound, (entry) =>
        entry.type === 'lag' && entry.brokerDown ? { ...entry, saidUnknown: false } : entry,
      ),
  },
]

describe('the checker', () => {
  it('finds nothing in a sound run, and looks at something for every invariant', () => {
    for (const { invariant, violations, checked } of check(soundEvidence())) {
      expect(violations, `invariant ${invariant}`).toEqual([])
      expect(checked, `invariant ${invariant}`).toBeGreaterThan(0)
    }
  })

  it.each(mutants)(
    'says that invariant $invariant is broken by a Lethe that $does',
    ({ invariant, change }) => {
      const sound = soundEvidence()
      const verdicts = check({ ...sound, ...change(sound) })
      expect(verdicts.find((verdict) => verdict.invariant === invariant)?.violations).not.toEqual([])
    },
  )

  it('forgives no system counts that are too low or too high because a pass failed before', () => {
    const sound = soundEvidence()
    const failing = (systemId: string, told: number, after: number) => (rows: readonly LogRow[]) =>
      rows.flatMap((row) => {
        if (row.type !== 'PassAcknowledged' || row.data['systemId'] !== systemId) return [row]
        const counting = (erased: number, redacted: number) => ({ counts: { all: { erased, redacted } } })
        const failed = {
          ...row,
          data: { ...row.data, passId: 'before', outcome: 'failed', ...counting(told, 0) },
        }
        return [failed, { ...row, data: { ...row.data, ...counting(after, 2) } }]
      })
    const broken = (systemId: string, told: number, after: number) =>
      check({ ...sound, ...inLog(sound, 'r1', failing(systemId, told, after)) }).find(
        ({ invariant }) => invariant === 10,
      )?.violations.length
    expect([broken('search', 0, 1), broken('search', 1, 0)]).toEqual([0, 0])
    expect([broken('search', 0, 0), broken('search', 1, 1), broken('cache', 0, 0)]).toEqual([1, 1, 1])
  })

  it('has a mutant for every invariant it judges', () =>
    expect([...new Set(mutants.map(({ invariant }) => invariant))]).toEqual([...invariants.keys()]))

  it('holds nothing for true that there was nothing to look at for', () => {
    const { history } = soundEvidence()
    const quiet = {
      ...soundEvidence(),
      history: history.filter(({ type }) => type !== 'lag' && type !== 'memory'),
    }
    const broken = check(quiet).filter(({ violations }) => violations.length > 0)
    expect(broken.map(({ invariant }) => invariant)).toEqual([19, 20])
  })
})
