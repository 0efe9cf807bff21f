import { metricsRegistry } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import type { DeadLettersView } from './dead-letters.js'
import type { EraserView } from './eraser-views.js'
import * as gauges from './figure-gauges.js'
import { type FigureSources, publishFigures } from './figures.js'
import type { GroupView, LagView, PartitionView } from './lag.js'
import type { OverviewView } from './overview.js'
import type { Figure } from './overview-figures.js'
import type { RiskView } from './risk.js'

const group = (name: string, more: Partial<GroupView> = {}): GroupView => ({
  group: name,
  service: name,
  topics: ['erasure.requested'],
  state: 'Stable',
  members: 1,
  health: 'up',
  lag: 3,
  catchUpMs: 0,
  drainMs: 0,
  unknown: {},
  ...more,
})

const waiting = (name: string, lagMs: number | null) => ({ group: name, lagMs }) as PartitionView

const lag: LagView = {
  groups: [
    group('eraser.cache', { health: 'silent', members: 0 }),
    group('eraser.shop', { health: 'unknown', members: null, lag: null }),
    group('aggregator'),
  ],
  partitions: [waiting('aggregator', 2_000), waiting('aggregator', 9_000), waiting('eraser.cache', null)],
  slots: [{ slot: 'outbox', active: false, walStatus: 'extended', lagBytes: 10, retainedBytes: null }],
  connector: { name: 'outbox', state: 'RUNNING', tasks: [], unknown: null },
}

const figure = (value: number | null): Figure => ({
  value,
  atLeast: false,
  unknown: value === null ? 'postgresql_unreachable' : null,
  href: '/',
})
const overview = {
  requests: {
    byStatus: { COMPLETED: figure(7), FAILED: figure(1) },
    overdue: figure(2),
    dueThisWeek: figure(5),
  },
  verification: { residual: figure(4), inconclusive: figure(6) },
  tasks: figure(8),
  tasksOverdue: figure(3),
  oldestUnacknowledged: { pass: null, ageMs: 61_000, unknown: null },
} as unknown as OverviewView

const letters = { items: [{ group: 'eraser.cache' }], unknown: null } as unknown as DeadLettersView
const risk = { items: [{ verdict: 'late' }, { verdict: 'late' }] } as unknown as RiskView
const gate = {
  strength: null,
  restoreId: null,
  reason: null,
  since: null,
  standing: 'open',
  lookedAt: null,
} as const

const sources: FigureSources = {
  lag: async () => lag,
  risk: async () => risk,
  deadLetters: async () => letters,
  overview: async () => overview,
  pressing: async () => ({ dueIn5Days: 3, residueAfterCompletion: 1 }),
  gates: async () => [
    { ...gate, systemId: 'shop', state: 'shut', watched: true },
    { ...gate, systemId: 'cache', state: 'open', watched: false },
    { ...gate, systemId: 'mail', state: 'open', watched: true },
    { ...gate, systemId: 'wiki', state: 'open', watched: true, standing: 'unknown' },
  ],
  erasers: async () =>
    [
      { systemId: 'shop', canary: { result: 'failed' } },
      { systemId: 'cache', canary: { result: 'passed' } },
      { systemId: 'mail', canary: { result: 'unconfirmed' } },
      { systemId: 'wiki', canary: null },
    ] as unknown as EraserView[],
}

const away = () => Promise.reject(new Error('away'))

/** What stands on `/metrics`, without the name of the process. */
async function values(name: string): Promise<Record<string, number>> {
  const found = (await metricsRegistry.getSingleMetric(name)?.get())?.values ?? []
  return Object.fromEntries(found.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

describe('the figures on /metrics', () => {
  it('say of every group, slot, gate and request what the console says', async () => {
    await publishFigures(sources, () => 5_000)
    expect(await values('lethe_ops_group_lag')).toEqual({ 'eraser.cache': 3, aggregator: 3 })
    expect(await values('lethe_ops_group_lag_seconds')).toEqual({ aggregator: 9 })
    expect(await values('lethe_ops_slot_lag_bytes')).toEqual({ outbox: 10 })
    expect(await values('lethe_ops_slot_active')).toEqual({ outbox: 0 })
    expect(await values('lethe_ops_slot_wal_status')).toEqual({ 'outbox extended': 1 })
    expect(await values('lethe_ops_requests_at_risk')).toMatchObject({ late: 2, overdue: 0 })
    expect(await values('lethe_ops_requests')).toEqual({ COMPLETED: 7, FAILED: 1 })
    expect(await values('lethe_ops_requests_due')).toEqual({ overdue: 2, '5d': 3, '7d': 5 })
    expect(await values('lethe_ops_requests_unverified')).toEqual({
      residual: 4,
      inconclusive: 6,
      residual_after_completion: 1,
    })
    expect(await values('lethe_ops_tasks')).toEqual({ open: 8, overdue: 3 })
    expect(await values('lethe_ops_canary_failed')).toEqual({ shop: 1, cache: 0, mail: 0 })
    expect(await values('lethe_ops_oldest_pass_seconds')).toEqual({ ops: 61 })
    expect(await values('lethe_ops_figures_seconds')).toEqual({ ops: 5 })
  })

  it('have no gate of a store nobody watches or has looked at, and no silence of a group nobody can ask', async () => {
    await publishFigures(sources)
    expect(await values('lethe_ops_gate_open')).toEqual({ shop: 0, mail: 1 })
    expect(await values('lethe_ops_group_silent')).toEqual({ 'eraser.cache': 1, aggregator: 0 })
    expect(await values('lethe_ops_slot_retained_bytes')).toEqual({})
  })

  it('show 0 dead letters for a group without any, and nothing while the list is unknown', async () => {
    await publishFigures(sources)
    expect(await values('lethe_ops_dead_letters')).toEqual({
      'eraser.cache': 1,
      'eraser.shop': 0,
      aggregator: 0,
    })
    const unknown = async () => ({ items: null, unknown: 'kafka_unreachable' as const })
    await publishFigures({ ...sources, deadLetters: unknown })
    expect(await values('lethe_ops_dead_letters')).toEqual({})
  })

  it('lose what one source does not know, keep the others, and do not call themselves fresh', async () => {
    await publishFigures(sources, () => 5_000)
    const told = publishFigures({ ...sources, overview: away, risk: away }, () => 9_000)
    await expect(told).rejects.toThrow('some figures are not known')
    for (const name of [
      'requests',
      'requests_due',
      'requests_unverified',
      'oldest_pass_seconds',
      'requests_at_risk',
    ])
      expect(await values(`lethe_ops_${name}`), name).toEqual({})
    expect(await values('lethe_ops_group_lag')).toMatchObject({ aggregator: 3 })
    expect(await values('lethe_ops_figures_seconds')).toEqual({ ops: 5 })
  })

  it('are not called fresh while some of the requests could not be counted', async () => {
    await publishFigures(sources, () => 5_000)
    const half = { ...overview, requests: { ...overview.requests, overdue: figure(null) } }
    await expect(
      publishFigures({ ...sources, overview: async () => half as OverviewView }, () => 9_000),
    ).rejects.toThrow('some figures are not known')
    expect(await values('lethe_ops_requests_due')).toEqual({})
    expect(await values('lethe_ops_figures_seconds')).toEqual({ ops: 5 })
  })

  it('are all absent, none of them zero, before anything is known', async () => {
    const nothing: FigureSources = {
      lag: away,
      risk: away,
      deadLetters: away,
      overview: away,
      pressing: away,
      gates: away,
      erasers: away,
    }
    await expect(publishFigures(nothing)).rejects.toThrow()
    for (const [name, one] of Object.entries(gauges))
      if (one !== gauges.figuresAt) expect((await one.get()).values, name).toEqual([])
  })
})
