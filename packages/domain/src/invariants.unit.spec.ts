import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attention } from './attention.js'
import { decide } from './decide.js'
import { evolve } from './evolve.js'
import { proceed } from './proceed.js'
import type { RequestEvent, RequestState } from './request-state.js'
import { archivePlan } from './testing/fixtures.js'
import { completedTooEarly, erasedWhileHeld, grantedAfterEnd, unended } from './testing/oracle.js'
import { attend, contradict, play, type Scenario, scenario, settle } from './testing/scenario.js'
import { type Core, core, type World } from './testing/world.js'

/** Plays to the end: faults over, and a person doing whatever the request asks for. */
function playOut(told: Scenario, under?: Core): World {
  const world = play(told, under)
  for (let round = 0; round < 40; round += 1) {
    settle(world)
    if (!world.state || attention(world.state) === null) break
    attend(world)
  }
  return world
}

type Check = (told: Scenario, under?: Core) => void

function nothing(wrong: string | null): void {
  expect(wrong).toBe(null)
}

const checks = {
  completedOnlyVerified: (told, under) => {
    const world = playOut(told, under)
    nothing(completedTooEarly(world))
    // Who erases by hand can say what is not so; the end says that it rests on that.
    const byHand = world.plan.systems.flatMap(({ systemId, byHand: task }) => (task ? [systemId] : []))
    expect(world.leftAtCompletion.filter((systemId) => !byHand.includes(systemId))).toEqual([])
  },
  comesToRest: (told, under) => {
    const world = play(told, under)
    settle(world)
    const { state } = world
    const ended = ['COMPLETED', 'REFUSED', 'CANCELLED', 'ON_HOLD'].includes(state?.status ?? '')
    expect(ended || (state !== null && attention(state) !== null)).toBe(true)
  },
  aPersonCanAlwaysEndIt: (told, under) => {
    expect(['COMPLETED', 'REFUSED', 'CANCELLED']).toContain(playOut(told, under).state?.status)
  },
  foldsTheSame: (told, under = core) => {
    const world = play(told, under)
    const cut = told.actions.length % (world.log.length + 1)
    const refold = (events: readonly RequestEvent[], from: RequestState | null): RequestState | null =>
      events.reduce<RequestState | null>((state, event) => under.evolve(state, event), from)
    expect(refold(world.log, null)).toEqual(world.state)
    const snapshot: RequestState | null = keysMoved(JSON.parse(JSON.stringify(world.states[cut])))
    const resumed = refold(world.log.slice(cut), snapshot)
    expect(resumed).toEqual(world.state)
    expect(proceed(resumed, world.now + 3_600_000)).toEqual(proceed(world.state, world.now + 3_600_000))
  },
  staysEnded: (told, under) => {
    const world = playOut(told, under)
    contradict(world)
    settle(world)
    nothing(unended(world))
    nothing(completedTooEarly(world))
  },
  ignoresRepetition: (told, under = core) => {
    const world = play(told, under)
    for (const command of world.told) {
      const again = under.decide(world.state, command, world.now, world.policy)
      expect(again).toEqual({ ok: true, events: [] })
    }
  },
  countsVersions: (told, under) => {
    const world = play(told, under)
    for (const [index, state] of world.states.entries()) expect(state?.version ?? 0).toBe(index)
  },
  holds: (told, under) => nothing(erasedWhileHeld(play(told, under))),
  /** Somebody took the task, and does it when a hold has long been in effect. */
  ownsToIt: (told, under) => {
    const world = play({ ...told, plan: archivePlan() }, under)
    world.take('archive', 'ada')
    world.tell({ type: 'Hold', holdId: 'last', by: 'bob', reasonRef: null })
    world.now += 60_000
    const toil = world.toils.at(-1)
    if (toil) world.toil(toil, 'do regardless')
    nothing(erasedWhileHeld(world))
  },
  leavesWhoCameBack: (told, under) => {
    const world = playOut(told, under)
    nothing(grantedAfterEnd(world))
    if (world.state?.status !== 'COMPLETED') return
    for (const store of Object.values(world.stores)) store.present = true
    world.commands.push(...world.published)
    settle(world)
    expect(world.holding()).toEqual(Object.keys(world.stores))
  },
} satisfies Record<string, Check>

/** As a JSONB column gives it back: the same, in another order of keys. */
function keysMoved<T>(value: T): T
function keysMoved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => keysMoved(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, keysMoved(item)]),
  )
}

const RUNS = 250

const told = (check: Check, under?: Core) =>
  fc.property(scenario, (story) => {
    check(story, under)
  })

function holdsFor(check: Check): void {
  fc.assert(told(check), { numRuns: RUNS })
}

/** The same property, of something broken on purpose: it must be seen failing. */
function failsFor(check: Check, broken: Partial<Core>): void {
  const seen = fc.check(told(check, { ...core, ...broken }), {
    numRuns: 4 * RUNS,
    seed: 7,
    endOnFailure: true,
  })
  expect(seen.failed).toBe(true)
}

/** `decide`, with what it says changed. */
const saying = (
  change: (events: RequestEvent[], now: number, state: RequestState | null) => RequestEvent[],
): Partial<Core> => ({
  decide: (state, command, now, policy) => {
    const decision = decide(state, command, now, policy)
    return decision.ok ? { ok: true, events: change(decision.events, now, state) } : decision
  },
})

/** `decide`, shown another state when it is asked for a grant. */
const granting = (change: (state: RequestState) => RequestState): Partial<Core> => ({
  decide: (state, command, now, policy) =>
    decide(state !== null && command.type === 'IssueGrant' ? change(state) : state, command, now, policy),
})

const without = (type: RequestEvent['type']): Partial<Core> =>
  saying((events) => events.filter((event) => event.type !== type))

describe('invariant 1: COMPLETED means every system has a verified acknowledgement', () => {
  test(
    'and 2: COMPLETED means an independent probe found nothing',
    () => holdsFor(checks.completedOnlyVerified),
    20_000,
  )

  test('is seen failing when the first acknowledgement completes the request', () => {
    const hasty = saying((events, at, state) =>
      events.some((event) => event.type === 'PassAcknowledged') && state?.completedAt === null
        ? [...events, { type: 'RequestCompleted', data: { at, backupClearAt: at, attested: [] } }]
        : events,
    )
    failsFor(checks.completedOnlyVerified, hasty)
  })

  test('is seen failing when what a person says is counted as verified', () => {
    const boasting = saying((events) =>
      events.map((event) =>
        event.type === 'RequestCompleted' ? { ...event, data: { ...event.data, attested: [] } } : event,
      ),
    )
    failsFor(checks.completedOnlyVerified, boasting)
  })

  test('is seen failing when taking a task is counted as doing it', () => {
    const hasty: Core['evolve'] = (state, event) => {
      const next = evolve(state, event)
      if (event.type !== 'TaskTaken') return next
      const { grantId, systemId, stepId, passId, by, at } = event.data
      const said = { outcome: 'erased', records: 1, doneAt: at, evidenceRef: '', underHold: false } as const
      const data = { grantId, systemId, stepId, passId, by, at, ...said }
      return { ...evolve(next, { type: 'TaskAttested', data }), version: next.version }
    }
    failsFor(checks.completedOnlyVerified, { evolve: hasty })
  })

  test('is seen failing when a task goes to an eraser and a probe', () => {
    const forgetful: Partial<Core> = {
      decide: (state, command, now, policy) => {
        if (command.type !== 'FreezePlan') return decide(state, command, now, policy)
        const systems = command.plan.systems.map((system) => ({ ...system, byHand: null }))
        return decide(state, { ...command, plan: { ...command.plan, systems } }, now, policy)
      },
    }
    failsFor(checks.completedOnlyVerified, forgetful)
  })

  test('is seen failing when not knowing is taken for clean', () => {
    const trusting: Partial<Core> = {
      decide: (state, command, now, policy) =>
        command.type === 'ReportProbe'
          ? decide(state, { ...command, report: { ...command.report, result: 'clean' } }, now, policy)
          : decide(state, command, now, policy),
    }
    failsFor(checks.completedOnlyVerified, trusting)
  })
})

describe('invariant 3: with faults over, every request ends or waits for a named owner', () => {
  test('it comes to rest', () => holdsFor(checks.comesToRest), 20_000)

  test(
    'and whoever owns it can always bring it to an end',
    () => holdsFor(checks.aPersonCanAlwaysEndIt),
    20_000,
  )

  test('is seen failing when nobody is told of a failure', () =>
    failsFor(checks.comesToRest, without('RequestFailed')))

  test('is seen failing when nothing is begun', () => failsFor(checks.comesToRest, without('PassRequested')))

  test('is seen failing when a retry leads nowhere', () => {
    const deaf: Partial<Core> = {
      decide: (state, command, now, policy) =>
        command.type === 'RetrySystem' ? { ok: true, events: [] } : decide(state, command, now, policy),
    }
    failsFor(checks.aPersonCanAlwaysEndIt, deaf)
  })
})

describe('invariant 5: fold(log) = live state = fold(snapshot + tail)', () => {
  test('for any cut, whatever the order of keys', () => holdsFor(checks.foldsTheSame), 20_000)

  test('is seen failing when the fold remembers something beside the state', () => {
    let folded = 0
    const impure: Core['evolve'] = (state, event) => {
      folded += 1
      return { ...evolve(state, event), firstGrantAt: folded }
    }
    failsFor(checks.foldsTheSame, { evolve: impure })
  })

  test('is seen failing when the state is not plain JSON', () => {
    const rich: Core['evolve'] = (state, event) => ({ ...evolve(state, event), backupClearAt: Number.NaN })
    failsFor(checks.foldsTheSame, { evolve: rich })
  })
})

describe('invariant 6: duplicates, order and lateness do not matter', () => {
  test('what ended stays ended', () => holdsFor(checks.staysEnded), 20_000)

  test('what is told twice is told once', () => holdsFor(checks.ignoresRepetition), 20_000)

  test('is seen failing when late residue un-completes', () => {
    const fickle: Core['evolve'] = (state, event) => {
      const next = evolve(state, event)
      return event.type === 'PassAcknowledged' || event.type === 'ProbeReported'
        ? { ...next, completedAt: null, status: 'IN_PROGRESS' }
        : next
    }
    failsFor(checks.staysEnded, { evolve: fickle })
  })

  test('is seen failing when every acknowledgement is an event', () => {
    const eager: Partial<Core> = {
      decide: (state, command, now, policy) =>
        command.type === 'Acknowledge'
          ? { ok: true, events: [{ type: 'PassAcknowledged', data: { ...command.ack, at: now } }] }
          : decide(state, command, now, policy),
    }
    failsFor(checks.ignoresRepetition, eager)
  })
})

describe('invariant 7: stream versions have no gaps', () => {
  test('every event raises the version by one', () => holdsFor(checks.countsVersions), 20_000)

  test('is seen failing when an event without effect is not counted', () => {
    const skipping: Core['evolve'] = (state, event) =>
      state !== null && event.type === 'GrantIssued'
        ? { ...evolve(state, event), version: state.version }
        : evolve(state, event)
    failsFor(checks.countsVersions, { evolve: skipping })
  })
})

describe('invariant 12: after a hold’s effectiveAt nothing more of that person is erased', () => {
  test('no grant, no new pass and no change of a store', () => holdsFor(checks.holds), 20_000)

  test('is seen failing when grants overlook the hold', () =>
    failsFor(
      checks.holds,
      granting((state) => ({ ...state, holds: [] })),
    ))

  test('what a person does by hand in spite of it is owned to', () => holdsFor(checks.ownsToIt), 20_000)

  test('is seen failing when what a person did in spite of a hold is not owned to', () => {
    const hushed = saying((events) =>
      events.map((event) =>
        event.type === 'TaskAttested' ? { ...event, data: { ...event.data, underHold: false } } : event,
      ),
    )
    failsFor(checks.ownsToIt, hushed)
  })

  test('is seen failing when a task is taken in spite of a hold', () => {
    const deaf: Partial<Core> = {
      decide: (state, command, now, policy) =>
        decide(
          state !== null && command.type === 'TakeTask' ? { ...state, holds: [] } : state,
          command,
          now,
          policy,
        ),
    }
    failsFor(checks.holds, deaf)
  })

  test('is seen failing when a hold claims to be effective at once', () => {
    const boasting = saying((events, now) =>
      events.map((event) =>
        event.type === 'RequestHeld' ? { ...event, data: { ...event.data, effectiveAt: now } } : event,
      ),
    )
    failsFor(checks.holds, boasting)
  })
})

describe('invariant 16: a person who registered again is not erased by an old request', () => {
  test('however often its commands are delivered again', () => holdsFor(checks.leavesWhoCameBack), 20_000)

  test('is seen failing when a completed request still gives grants', () => {
    const generous = granting((state) => ({
      ...state,
      completedAt: null,
      passes: Object.fromEntries(
        Object.entries(state.passes).map(([passId, pass]) => [
          passId,
          { ...pass, acknowledged: null, lapsed: false },
        ]),
      ),
    }))
    failsFor(checks.leavesWhoCameBack, generous)
  })
})
