import type { Evidence, LogRow, RequestRow } from './evidence.js'

const at = 1_800_000_000_000
const systems = ['cache', 'search', 'shop-pg'] as const
const counts = {
  'shop-pg': { users: { found: 11, erased: 6, redacted: 5 } },
  cache: { keys: { found: 5, erased: 5, redacted: 0 } },
  search: { documents: { found: 3, erased: 1, redacted: 2 } },
} as const

const MONTH_MS = 30 * 86_400_000

type Body = readonly [type: string, data: Record<string, unknown>]

const rows = (stream: string, bodies: readonly Body[]): LogRow[] =>
  bodies.map(([type, data], index) => ({
    stream,
    version: index + 1,
    type,
    data: { at: at + index, ...data },
  }))

const accepted = (stream: string, intakeKey: string | null = null): Body[] => [
  [
    'RequestReceived',
    { requestId: stream, subjectRef: `ref-${stream}`, tenantId: 'acme', intakeKey, graceUntil: null },
  ],
  ['IdentifiersResolved', {}],
  ['PlanFrozen', { steps: systems.map((systemId) => ({ stepId: `${systemId}#1`, systemId })) }],
  ['RequestScheduled', {}],
]

const erased = (stream: string): Body[] => [
  ...accepted(stream, stream === 'r2' ? 'k2' : null),
  ...systems.flatMap((systemId): Body[] => {
    const pass = { systemId, stepId: `${systemId}#1`, passId: `${systemId}#1/initial`, attempt: 1 }
    const grantId = `${stream} ${systemId}`
    const ack = {
      ackId: `ack ${stream} ${systemId}`,
      outcome: 'erased',
      finishedAt: at,
      counts: counts[systemId],
    }
    return [
      ['PassRequested', pass],
      ['GrantIssued', { ...pass, grantId }],
      ['TombstoneWritten', { systemId, tombstoneId: `${stream}-${systemId}`, expiresAt: at + 2 * MONTH_MS }],
      ['PassAcknowledged', { ...pass, ...ack, grantId }],
      ['ProbeReported', { systemId, reportId: `report ${stream} ${systemId}`, result: 'clean' }],
    ]
  }),
  ['RequestLiveErased', {}],
  ['RequestCompleted', {}],
]

const held = (stream: string): Body[] => [
  ...accepted(stream),
  ['PassRequested', { systemId: 'cache', stepId: 'cache#1', passId: 'cache#1/initial', attempt: 1 }],
  ['RequestHeld', { holdId: 'h3', effectiveAt: at + 1_000 }],
]

/** A run that everything went well in: two erased, one of them asked for by message, and one held. */
export function soundEvidence(): Evidence {
  const log = new Map(
    (
      [
        ['r1', erased('r1')],
        ['r2', erased('r2')],
        ['r3', held('r3')],
      ] as const
    ).map(([stream, bodies]) => [stream, rows(stream, bodies)]),
  )
  const ids = [...log.values()]
    .flat()
    .flatMap(({ data }) => [data['ackId'], data['reportId']].filter((id) => typeof id === 'string'))
  const acknowledged = [...ids, ids[0] as string].map((id, offset) => ({
    partition: 0,
    offset: String(offset),
    id,
  }))
  const poisonedOffset = String(acknowledged.length)
  const seen = { 'shop-pg': 11, cache: 5, search: 3 }
  const lag = {
    type: 'lag',
    at,
    name: 'aggregator',
    group: 'aggregator',
    topic: 'erasure.acknowledged',
  } as const
  const asked = { type: 'asked', at, life: 'plain', via: 'http' } as const
  return {
    history: [
      { ...asked, n: 0, customer: 1, key: 'a' },
      { ...asked, n: 1, customer: 2, key: 'b', via: 'intake' },
      { ...asked, n: 2, customer: 3, key: 'c', life: 'held' },
      { type: 'accepted', at, n: 0, requestId: 'r1', intakeKey: null },
      { type: 'accepted', at, n: 1, requestId: null, intakeKey: 'k2' },
      { type: 'accepted', at, n: 2, requestId: 'r3', intakeKey: null },
      { type: 'watched', at, requestId: 'r3', moment: 'effective', seen },
      { type: 'watched', at, requestId: 'r3', moment: 'last', seen },
      {
        type: 'poison',
        at,
        topic: 'erasure.acknowledged',
        form: 'garbage',
        partition: 0,
        offset: poisonedOffset,
      },
      { type: 'alarm', at, name: 'aggregator', deadLettered: 1 },
      ...Array.from({ length: 90 }, (_, n) => memory(n * 5_000, 100_000)),
      { ...lag, partition: '0', reported: 4, saidUnknown: false, atLeast: 3, brokerDown: false },
      { ...lag, partition: 'all', reported: null, saidUnknown: true, atLeast: null, brokerDown: true },
      { type: 'others', at, moment: 'before', digest: 'd', records: 100 },
      { type: 'others', at, moment: 'after', digest: 'd', records: 100 },
      { type: 'rebuild', at, differences: 0 },
      { type: 'converged', at, within: 20_000, moving: 0, outbox: 0 },
    ],
    log,
    heads: new Map([...log].map(([stream, own]) => [stream, own.length])),
    snapshots: [{ stream: 'r1', version: 4, state: { status: 'SCHEDULED', completedAt: null } }],
    requests: new Map([...log].map(([stream, own]) => [stream, shown(stream, own)])),
    steps: [],
    idempotency: ['r1', 'r2', 'r3'].map((requestId) => ({ digest: `digest ${requestId}`, requestId })),
    folded: new Map([[0, acknowledged.length + 1]]),
    inbox: new Set(ids as string[]),
    acknowledged: [...acknowledged, { partition: 0, offset: poisonedOffset, id: '' }],
    acknowledgedEnds: new Map([[0, acknowledged.length + 1]]),
    deadLetters: [
      {
        group: 'aggregator',
        topic: 'erasure.acknowledged',
        partition: 0,
        offset: poisonedOffset,
        code: 'undecodable',
      },
    ],
    outboxPending: 0,
    tombstones: ['r1', 'r2'].flatMap((requestId) =>
      systems.map((systemId) => ({
        tombstoneId: `${requestId}-${systemId}`,
        requestId,
        systemId,
        expiresAt: at + 2 * MONTH_MS,
      })),
    ),
    publishedTombstones: new Set(
      ['r1', 'r2'].flatMap((id) => systems.map((systemId) => `${id}-${systemId}`)),
    ),
    statusMessages: new Map([
      ['ref-r1', 3],
      ['ref-r2', 3],
      ['ref-r3', 2],
    ]),
    keptMs: { 'shop-pg': MONTH_MS, cache: MONTH_MS / 4, search: MONTH_MS / 4 },
    searched: [{ place: 'the log aggregator.log', bytes: 2_000, found: 0 }],
    left: new Map([
      [1, { 'shop-pg': 0, cache: 0, search: 0 }],
      [2, { 'shop-pg': 0, cache: 0, search: 0 }],
      [3, seen],
    ]),
    trueCounts: {
      'shop-pg': { erased: 6, redacted: 5 },
      cache: { erased: 5, redacted: 0 },
      search: { erased: 1, redacted: 2 },
    },
    receipts: [{ requestId: 'r1', passId: 'shop-pg#1/initial', writtenAt: at + 5 }],
  }
}

export const memory = (afterMs: number, kilobytes: number) =>
  ({ type: 'memory', at: at + afterMs, name: 'aggregator', pid: 1, kilobytes, inFlight: 3 }) as const

function shown(requestId: string, own: readonly LogRow[]): RequestRow {
  const when = (type: string) => {
    const row = own.find((one) => one.type === type)
    return row ? Number(row.data['at']) : null
  }
  const isHeld = when('RequestHeld') !== null
  return {
    requestId,
    version: own.length,
    status: isHeld ? 'ON_HOLD' : 'COMPLETED',
    attention: isHeld ? { owner: 'privacy_officer', nextStep: 'release_when_the_hold_ends' } : null,
    firstGrantAt: when('GrantIssued'),
    liveErasedAt: when('RequestLiveErased'),
    completedAt: when('RequestCompleted'),
    intakeHolds: isHeld ? 1 : 0,
  }
}
