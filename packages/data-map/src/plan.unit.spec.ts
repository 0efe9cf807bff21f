import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { compilePlan, identifiersNeeded, type Plan, PlanError } from './plan.js'
import type { DataMap, MapKind, MapSystem, Stage } from './types.js'

const stages: Stage[] = [
  'cache',
  'search',
  'files',
  'documents',
  'analytics',
  'payments',
  'support',
  'marketing',
  'record',
]
const kinds = Object.fromEntries(
  stages.map((stage): [string, MapKind] => [
    stage,
    { kind: stage, stage, system: z.unknown(), identifiers: (_system, canonical) => [canonical, canonical] },
  ]),
)

function system(systemId: string, kind: Stage, more: Partial<MapSystem> = {}): MapSystem {
  const base = {
    connection: 'X',
    ceiling: null,
    backups: [],
    after: [],
    derivedFrom: [],
    settleMs: 0,
    body: {},
  }
  return { ...base, systemId, kind, ...more }
}
function mapOf(...systems: MapSystem[]): DataMap {
  return {
    version: 3,
    digest: 'sha256:x',
    tenant: { column: 'tenant_id' },
    identifiers: { canonical: 'user_id', alias: [] },
    systems: Object.fromEntries(systems.map((one) => [one.systemId, one])),
  }
}
const order = (plan: Plan) => plan.steps.map(({ stepId, after }) => `${stepId} < ${after.join(' ')}`)

describe('compilePlan', () => {
  it('erases the cache first and once more after the database it copies', () => {
    const map = mapOf(
      system('shop-pg', 'record', { ceiling: 5000, backups: [{ name: 'nightly', keepMs: 1 }] }),
      system('cache', 'cache', { derivedFrom: ['shop-pg'], settleMs: 5000 }),
    )
    expect(compilePlan(map, kinds, 't1')).toEqual({
      mapVersion: 3,
      mapDigest: 'sha256:x',
      steps: [
        { stepId: 'cache#1', systemId: 'cache', stage: 1, after: [] },
        { stepId: 'shop-pg#1', systemId: 'shop-pg', stage: 6, after: ['cache#1'] },
        { stepId: 'cache#2', systemId: 'cache', stage: 7, after: ['cache#1', 'shop-pg#1'] },
      ],
      systems: [
        {
          systemId: 'cache',
          kind: 'cache',
          settleMs: 5000,
          ceiling: null,
          backups: [],
          derivedFrom: ['shop-pg'],
          byHand: null,
        },
        {
          systemId: 'shop-pg',
          kind: 'record',
          settleMs: 0,
          ceiling: 5000,
          backups: [{ name: 'nightly', keepMs: 1 }],
          derivedFrom: [],
          byHand: null,
        },
      ],
      notApplicable: [],
    })
  })

  it('runs caches, search, files and documents, analytics, third parties, then the record', () => {
    const plan = compilePlan(
      mapOf(...stages.toReversed().map((stage) => system(`a-${stage}`, stage))),
      kinds,
      't1',
    )
    expect(plan.steps.map(({ stepId, stage }) => `${stage} ${stepId}`)).toEqual([
      '1 a-cache#1',
      '2 a-search#1',
      '3 a-documents#1',
      '3 a-files#1',
      '4 a-analytics#1',
      '5 a-marketing#1',
      '5 a-payments#1',
      '5 a-support#1',
      '6 a-record#1',
    ])
    expect(plan.steps.at(-1)?.after).toEqual(['a-marketing#1', 'a-payments#1', 'a-support#1'])
  })

  it('lets after: move a system behind one of a later stage', () => {
    const map = mapOf(
      system('cache', 'cache', { after: ['pg'], derivedFrom: ['pg'] }),
      system('pg', 'record'),
    )
    expect(order(compilePlan(map, kinds, 't1'))).toEqual(['pg#1 < ', 'cache#1 < pg#1'])
  })

  it('repeats what is derived from something derived after its repetition', () => {
    const map = mapOf(
      system('pg', 'record'),
      system('index', 'search', { derivedFrom: ['pg'] }),
      system('cache', 'cache', { derivedFrom: ['index'] }),
    )
    expect(order(compilePlan(map, kinds, 't1')).slice(-2)).toEqual([
      'index#2 < index#1 pg#1',
      'cache#2 < cache#1 index#2',
    ])
  })

  it('gives a system that holds nothing no step and passes its order on', () => {
    const map = mapOf(
      system('pg', 'record'),
      system('topic', 'search', { derivedFrom: ['pg'], notApplicable: 'holds ids of products only' }),
      system('cache', 'cache', { derivedFrom: ['topic'] }),
    )
    const plan = compilePlan(map, kinds, 't1')
    expect(order(plan)).toEqual(['cache#1 < ', 'pg#1 < cache#1', 'cache#2 < cache#1 pg#1'])
    expect(plan.notApplicable).toEqual([{ systemId: 'topic', reason: 'holds ids of products only' }])
    expect(identifiersNeeded(map, kinds)).toEqual({ pg: ['user_id'], topic: [], cache: ['user_id'] })
  })

  it('names a cycle, an unknown kind, and a tenant that the map excludes', () => {
    const cyclic = mapOf(system('a', 'cache', { after: ['b'] }), system('b', 'cache', { after: ['a'] }))
    expect(() => compilePlan(cyclic, kinds, 't1')).toThrow('a → b → a')
    expect(() => compilePlan(mapOf(system('a', 'cache')), {}, 't1')).toThrow('"cache"')
    const single = { ...mapOf(system('a', 'cache')), tenant: { constant: 'shop' } }
    expect(() => compilePlan(single, kinds, 'other')).toThrow(PlanError)
    expect(compilePlan(single, kinds, 'shop').steps).toHaveLength(1)
  })

  it('gives any map without a cycle a plan in which order and repetition hold', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(acyclicMap(), (map) => {
        const { steps } = compilePlan(map, kinds, 't1')
        const position = new Map(steps.map(({ stepId }, index) => [stepId, index]))
        expect(position.size).toBe(steps.length)
        for (const [index, step] of steps.entries()) {
          for (const before of step.after) expect(position.get(before)).toBeLessThan(index)
        }
        const reach = reachability(steps)
        for (const { systemId, after, derivedFrom } of Object.values(map.systems)) {
          expect(position.has(`${systemId}#1`)).toBe(true)
          for (const name of after) expect(reach.get(`${systemId}#1`)).toContain(`${name}#1`)
          const last = steps.findLast((step) => step.systemId === systemId)
          for (const source of derivedFrom) {
            for (const step of steps.filter((one) => one.systemId === source)) {
              expect(reach.get(last?.stepId ?? '')).toContain(step.stepId)
            }
          }
        }
        const shuffled = mapOf(...Object.values(map.systems).toReversed())
        expect(compilePlan(shuffled, kinds, 't1')).toEqual(compilePlan(map, kinds, 't1'))
      }),
      { numRuns: 300 },
    )
  })
})

/** Edges point to lower numbers in two independent orders, so each relation is acyclic and both may disagree. */
function acyclicMap(): fc.Arbitrary<DataMap> {
  return fc.integer({ min: 1, max: 9 }).chain((size) => {
    const ids = Array.from({ length: size }, (_, index) => `s${index}`)
    const shape = fc.record({
      stage: fc.constantFrom(...stages),
      after: fc.subarray(ids),
      derivedFrom: fc.subarray(ids),
    })
    const permutation = fc.shuffledSubarray(ids, { minLength: size, maxLength: size })
    return fc.tuple(fc.tuple(...ids.map(() => shape)), permutation).map(([shapes, other]) => {
      const earlier = (list: readonly string[], id: string) => list.slice(0, list.indexOf(id))
      return mapOf(
        ...ids.flatMap((id, index) => {
          const one = shapes[index]
          if (!one) return []
          return system(id, one.stage, {
            after: one.after.filter((name) => earlier(ids, id).includes(name)),
            derivedFrom: one.derivedFrom.filter((name) => earlier(other, id).includes(name)),
          })
        }),
      )
    })
  })
}

function reachability(steps: Plan['steps']): Map<string, Set<string>> {
  const reach = new Map<string, Set<string>>()
  for (const { stepId, after } of steps) {
    reach.set(stepId, new Set(after.flatMap((before) => [before, ...(reach.get(before) ?? [])])))
  }
  return reach
}
