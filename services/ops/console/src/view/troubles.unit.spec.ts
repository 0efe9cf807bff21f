import { describe, expect, it } from 'vitest'
import type { AtRisk, Erasers, Lag, Overview } from '../../../src/adapters/http/answer-types.js'
import { troubles } from './troubles.js'

const figure = (value: number | null, href: string, unknown: string | null = null) => ({
  value,
  atLeast: false,
  unknown,
  href,
})

const overview = {
  measuredAt: 1,
  ageMs: 0,
  requests: { overdue: figure(0, '/v1/requests?dueBefore=1') },
  verification: { residual: figure(0, '/v1/verification?finding=residual') },
  tasksOverdue: figure(0, '/v1/requests?taskOverdue=true&order=due'),
  gates: {
    open: figure(1, '/v1/gates?standing=open'),
    shut: figure(0, '/v1/gates?standing=shut,advisory'),
    unknown: figure(0, '/v1/gates?standing=unknown'),
  },
  deadLetters: figure(0, '/v1/dead-letters'),
} as unknown as Overview

const group = (changes: object) => ({
  group: 'eraser.cache',
  topics: ['erasure.requested'],
  state: 'Stable',
  members: 1,
  health: 'up',
  lag: 0,
  catchUpMs: 0,
  drainMs: 0,
  unknown: {},
  ...changes,
})
const lagOf = (changes: object = {}, more: object = {}) =>
  ({
    measuredAt: 1,
    ageMs: 0,
    groups: [group(changes)],
    partitions: [{ group: 'eraser.cache', lag: 3, lagMs: 60_000, lagMsAtLeast: null, unknown: {} }],
    slots: [{ slot: 'lethe', active: true, walStatus: 'reserved', lagBytes: 0, retainedBytes: 0 }],
    connector: { name: 'outbox', state: 'RUNNING', tasks: [{ id: 0, state: 'RUNNING' }], unknown: null },
    ...more,
  }) as unknown as Lag
const atRisk = {
  items: [
    { because: ['eraser.cache'] },
    { because: ['probe.cache'] },
    { because: ['aggregator', 'eraser.cache'] },
  ],
} as unknown as AtRisk
const erasers = { items: [{ group: 'eraser.cache', verdict: 'up', canary: null }] } as unknown as Erasers
const found = (known: Partial<Parameters<typeof troubles>[0]>) =>
  troubles({ overview, lag: lagOf(), atRisk, erasers, ...known })
const whats = (known: Parameters<typeof found>[0]) => found(known).map(({ what }) => what)

describe('what is stuck', () => {
  it('is nothing when everything is known and moves', () => {
    expect(whats({})).toEqual([])
  })

  it('is a task that is overdue, and requests that can not be counted', () => {
    const tasksOverdue = figure(2, '/v1/requests?taskOverdue=true&order=due')
    expect(found({ overview: { ...overview, tasksOverdue } as never })).toMatchObject([
      { what: '2 requests with an overdue task', tone: 'bad', page: '/requests?taskOverdue=true&order=due' },
    ])
    const overdue = figure(null, '/v1/requests?dueBefore=1', 'postgresql_unreachable')
    expect(found({ overview: { ...overview, requests: { overdue } } as never })).toMatchObject([
      { what: 'Requests: nothing is known', tone: 'warn', why: 'PostgreSQL does not answer.' },
    ])
  })

  it('is a person a probe still finds', () => {
    const residual = figure(2, '/v1/verification?finding=residual')
    expect(found({ overview: { ...overview, verification: { residual } } as never })).toMatchObject([
      { what: '2 requests with residue', tone: 'bad', endangers: 2, page: '/verification?finding=residual' },
    ])
  })

  it('is an eraser that is silent, since its oldest message waits, with those it endangers', () => {
    const [silent] = found({ lag: lagOf({ health: 'silent', members: 0, lag: 3 }) })
    expect(silent).toMatchObject({
      what: 'eraser.cache is silent',
      tone: 'bad',
      endangers: 2,
      atLeast: false,
    })
    expect(Math.abs((silent?.since ?? 0) - (Date.now() - 60_000))).toBeLessThan(10_000)
    expect(silent?.endangersPage).toBe('/at-risk?place=eraser.cache')
  })

  it('is an eraser that works and does not erase, or can not use its store; who is silent stands there once', () => {
    const of = (more: object) =>
      found({ erasers: { items: [{ group: 'eraser.cache', canary: null, store: 'ok', ...more }] } as never })
    const canary = { result: 'failed', at: 7, drillId: 'drill-1', why: 'not_found' }
    expect(of({ verdict: 'failing', canary })).toMatchObject([
      {
        what: 'eraser.cache does not erase',
        why: expect.stringContaining('it found nobody, and somebody was there'),
        tone: 'bad',
        since: 7,
        atLeast: true,
        endangers: 2,
        page: '/erasers',
      },
    ])
    expect(of({ verdict: 'unusable', store: 'credentials_missing' })).toMatchObject([
      { what: 'eraser.cache can not use its store', why: 'Credentials missing.', tone: 'bad', since: null },
    ])
    for (const verdict of ['up', 'silent', 'missing', 'unknown']) expect(of({ verdict, canary })).toEqual([])
  })

  it('is what falls behind, and not what waits a moment', () => {
    expect(
      whats({ lag: lagOf({ lag: 3, catchUpMs: null, unknown: { catchUpMs: 'not_catching_up' } }) }),
    ).toEqual(['eraser.cache falls behind'])
    expect(whats({ lag: lagOf({ lag: 3, catchUpMs: 500 }) })).toEqual([])
  })

  it('is also what nobody knows: unknown is never taken for well', () => {
    const blind = { lag: null, catchUpMs: null, health: 'unknown', unknown: { lag: 'kafka_unreachable' } }
    expect(whats({ lag: lagOf(blind) })).toEqual(['eraser.cache: nothing is known'])
    const connector = { name: 'outbox', state: null, tasks: null, unknown: 'connect_unreachable' }
    expect(whats({ lag: lagOf({}, { slots: null, connector }) })).toEqual([
      'Debezium: nothing is known',
      'Replication slot: nothing is known',
    ])
    const letters = { ...overview, deadLetters: figure(null, '/v1/dead-letters', 'kafka_unreachable') }
    expect(whats({ overview: letters as Overview })).toEqual(['Dead letters: nothing is known'])
  })

  it('is the way to Kafka when it is cut, and a shut gate, and what is overdue, the worst first', () => {
    const connector = { name: 'outbox', state: 'RUNNING', tasks: [{ id: 0, state: 'FAILED' }], unknown: null }
    const slots = [{ slot: 'lethe', active: false, walStatus: 'extended', lagBytes: 1, retainedBytes: 1 }]
    expect(whats({ lag: lagOf({}, { slots, connector }) })).toEqual([
      'Debezium does not work',
      'Slot lethe has no reader',
    ])
    const bad = {
      ...overview,
      requests: { overdue: figure(2, '/v1/requests?dueBefore=1') },
      gates: { shut: figure(1, '/v1/gates?state=shut') },
      deadLetters: figure(4, '/v1/dead-letters'),
    } as unknown as Overview
    expect(whats({ overview: bad })).toEqual(['2 requests overdue', '1 gate shut', '4 dead letters'])
  })
})
