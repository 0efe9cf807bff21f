import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Delay, endangered, type OpenRequest } from './at-risk.js'

const places = ['eraser.a', 'eraser.b', 'probe.a', 'aggregator']
const delay = (place: string) =>
  fc.oneof(
    fc.nat(100_000).map((ms): Delay => ({ place, ms, why: null })),
    fc
      .constantFrom('standing_still' as const, 'unknown' as const)
      .map((why): Delay => ({ place, ms: null, why })),
  )
const delays = fc.tuple(...places.map(delay)) as fc.Arbitrary<Delay[]>
const requests = fc.uniqueArray(
  fc.record({
    requestId: fc.uuid(),
    tenantId: fc.constant('acme'),
    status: fc.constant('IN_PROGRESS'),
    dueAt: fc.integer({ min: -50_000, max: 250_000 }),
    places: fc.uniqueArray(fc.constantFrom(...places)),
  }),
  { selector: ({ requestId }) => requestId },
) as fc.Arbitrary<OpenRequest[]>

const ids = (found: readonly { requestId: string }[]) => new Set(found.map(({ requestId }) => requestId))

describe('requests at risk', () => {
  it('are exactly those with lag before them that will be through too late, or nobody knows when', () => {
    fc.assert(
      fc.property(delays, requests, (given, open) => {
        const of = new Map(given.map((one) => [one.place, one.ms]))
        const wanted = open.filter((request) => {
          const waits = request.places.map((place) => of.get(place) ?? null)
          if (waits.every((ms) => ms === 0)) return false
          if (request.dueAt <= 0 || waits.includes(null)) return true
          return waits.reduce<number>((sum, ms) => sum + (ms ?? 0), 0) > request.dueAt
        })
        expect(ids(endangered(0, given, open))).toEqual(ids(wanted))
      }),
    )
  })

  it('never become fewer when a delay grows, a deadline comes nearer, or something is no longer known', () => {
    fc.assert(
      fc.property(delays, requests, fc.nat(3), fc.nat(50_000), (given, open, which, more) => {
        const before = ids(endangered(0, given, open))
        const slower = given.map((one, index) =>
          index === which && one.ms !== null ? { ...one, ms: one.ms + more } : one,
        )
        const forgotten = given.filter((_, index) => index !== which)
        const sooner = open.map((request) => ({ ...request, dueAt: request.dueAt - more }))
        for (const after of [
          endangered(0, slower, open),
          endangered(0, forgotten, open),
          endangered(0, given, sooner),
        ])
          expect([...before].filter((id) => !ids(after).has(id))).toEqual([])
      }),
    )
  })

  it('come with the nearest deadline first, and with a date only where one can be told', () => {
    fc.assert(
      fc.property(delays, requests, (given, open) => {
        const found = endangered(0, given, open)
        const dues = found.map(({ dueAt }) => dueAt)
        expect(dues).toEqual(dues.toSorted((a, b) => a - b))
        for (const { verdict, expectedAt, dueAt, because } of found) {
          expect(because.length).toBeGreaterThan(0)
          if (verdict === 'late') expect(expectedAt).toBeGreaterThan(dueAt)
          if (verdict === 'standing_still' || verdict === 'unknown') expect(expectedAt).toBeNull()
        }
      }),
    )
  })

  it('include everybody when nothing is known of the places, however far the deadline', () => {
    const request = { requestId: 'r', tenantId: 'acme', status: 'IN_PROGRESS', dueAt: 10 ** 12, places }
    expect(endangered(0, [], [request])).toMatchObject([{ verdict: 'unknown', expectedAt: null }])
  })
})
