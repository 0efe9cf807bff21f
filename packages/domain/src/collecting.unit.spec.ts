import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from './decide.js'
import type { RequestEvent } from './request-state.js'
import { DAY, shopPlan } from './testing/fixtures.js'
import { play, type Scenario, scenario, settle } from './testing/scenario.js'
import { Story } from './testing/story.js'
import { type Core, core, type World } from './testing/world.js'

const collect = (...systemIds: string[]) => ({ type: 'Collect', systemIds }) as const

const keepOf = (world: World, systemId: string): number =>
  Math.max(
    0,
    ...(world.plan.systems.find((one) => one.systemId === systemId)?.backups ?? []).map(
      ({ keepMs }) => keepMs,
    ),
  )

/** Days on which somebody tries to collect everything, after the faults are over. */
const days = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 4 })

/**
 * Every store that changed has a tombstone from before the change until its longest backup of that moment is gone,
 * whoever tries to take it away and whenever. A held or recurring one never goes.
 */
function outlives(told: Scenario, tries: readonly number[], under: Core = core): void {
  const world = play(told, under)
  settle(world)
  for (const day of [...tries].sort((a, b) => a - b)) {
    world.now = Math.max(world.now, world.now + day * DAY)
    for (const { systemId } of world.plan.systems) {
      const before = world.state?.tombstones[systemId]
      world.tell(collect(systemId))
      if (before === undefined || world.state?.tombstones[systemId] !== undefined) continue
      expect(before.recurEvery).toBeNull()
      expect((before.heldUntil ?? 0) <= world.now).toBe(true)
      for (const change of world.changes.filter((one) => one.systemId === systemId))
        expect(change.at + keepOf(world, systemId)).toBeLessThanOrEqual(world.now)
    }
    for (const { systemId, at } of world.changes)
      if (at + keepOf(world, systemId) > world.now) expect(world.state?.tombstones[systemId]).toBeDefined()
  }
}

const property = (under?: Core) => fc.property(scenario, days, (told, tries) => outlives(told, tries, under))

const isSeenFailing = (broken: Partial<Core>) =>
  expect(
    fc.check(property({ ...core, ...broken }), { numRuns: 1_000, seed: 7, endOnFailure: true }).failed,
  ).toBe(true)

/** `decide`, with what it says of tombstones changed. */
const saying = (change: (event: RequestEvent) => RequestEvent): Partial<Core> => ({
  decide: (state, command, now, policy) => {
    const decision = decide(state, command, now, policy)
    return decision.ok ? { ok: true, events: decision.events.map(change) } : decision
  },
})

describe('invariant 14: tombstones outlive the longest backup, and collecting one earlier is refused', () => {
  test(
    'whatever happened before, and whoever tries when',
    () => fc.assert(property(), { numRuns: 250 }),
    20_000,
  )

  test('is seen failing when whoever asks may collect at any time', () => {
    const generous: Partial<Core> = {
      decide: (state, command, now, policy) =>
        decide(state, command, command.type === 'Collect' ? now + 400 * DAY : now, policy),
    }
    isSeenFailing(generous)
  })

  test('is seen failing when a tombstone lives as long as its grant only', () =>
    isSeenFailing(
      saying((event) =>
        event.type === 'TombstoneWritten'
          ? { ...event, data: { ...event.data, expiresAt: event.data.effectiveAt + 10_000 } }
          : event,
      ),
    ))

  test('is seen failing when a hold does not keep it', () =>
    isSeenFailing({
      decide: (state, command, now, policy) =>
        decide(
          state !== null && command.type === 'Collect'
            ? {
                ...state,
                tombstones: Object.fromEntries(
                  Object.entries(state.tombstones).map(([id, one]) => [id, { ...one, heldUntil: null }]),
                ),
              }
            : state,
          command,
          now,
          policy,
        ),
    }))
})

describe('collecting', () => {
  const erased = () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial')
    return story
  }

  test('is refused with a word of when, and then takes the tombstone away for good', () => {
    const story = erased()
    expect(story.code(collect('cache'))).toBe('illegal_transition')
    story.later(400 * DAY)
    expect(story.tell(collect('cache'))).toContain('TombstoneCollected')
    expect(story.last('TombstoneCollected')).toMatchObject({ systemId: 'cache', sequence: 2 })
    expect(story.tell(collect('cache'))).toEqual([])
  })

  test('of several refuses all when one is early, and is nothing for a system without one', () => {
    const story = erased()
    expect(story.code(collect('cache', 'pg'))).toBe('illegal_transition')
    expect(story.tell(collect('nowhere'))).toEqual([])
  })
})
