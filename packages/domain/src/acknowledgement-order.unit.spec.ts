import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from './decide.js'
import { evolve, fold } from './evolve.js'
import { outcomeClass } from './outcomes.js'
import type { PassState, RequestEvent, RequestState } from './request-state.js'
import { ack } from './testing/fixtures.js'
import { Story } from './testing/story.js'

const outcomes = [
  'erased',
  'not_found',
  'redacted',
  'retained',
  'deferred',
  'expiring',
  'unsupported',
  'failed',
] as const

const acknowledgement = fc.record({
  attempt: fc.integer({ min: 1, max: 3 }),
  outcome: fc.constantFrom(...outcomes),
})
const some = fc.array(acknowledgement, { minLength: 1, maxLength: 6 })
const shuffled = some.chain((acks) => {
  const numbered = acks.map((given, index) => ({ ...given, index }))
  return fc.tuple(fc.constant(numbered), fc.shuffledSubarray(numbered, { minLength: numbered.length }))
})

type Given = { attempt: number; outcome: (typeof outcomes)[number]; index: number }

/** A pass of three attempts, each with a grant for every acknowledgement. */
function granted(): Story {
  const story = Story.planned()
  for (const attempt of [1, 2, 3]) {
    for (let index = 0; index < 6; index += 1) story.grant('pg#1/initial', attempt, `g${attempt}-${index}`)
    if (attempt < 3) story.later(attempt * 60_000 + 10_000)
  }
  return story
}

const start = granted().given

const asAck = ({ attempt, outcome, index }: Given) =>
  ack('pg#1/initial', {
    ackId: `a${index}`,
    grantId: `g${attempt}-${index}`,
    attempt,
    outcome,
    errorClass: 'terminal',
  })

function told(acks: readonly Given[]): RequestState {
  return acks.reduce<RequestState>((state, given) => {
    const decision = decide(
      state,
      { type: 'Acknowledge', ack: asAck(given) },
      start.received.receivedAt + 600_000,
    )
    if (!decision.ok) throw new Error(decision.detail)
    return fold(decision.events, state) ?? state
  }, start)
}

const passOf = (state: RequestState): PassState | undefined => state.passes['pg#1/initial']
const saidOf = (state: RequestState) => {
  const outcome = passOf(state)?.acknowledged?.outcome
  return outcome === undefined ? null : { class: outcomeClass(outcome), retained: outcome === 'retained' }
}

type Evolve = (state: RequestState, event: RequestEvent) => RequestState

function orderDoesNotMatter(under: Evolve) {
  return fc.property(shuffled, ([inOrder, inAnother]) => {
    const folded = (acks: readonly Given[]) =>
      acks.reduce(
        (state, given) => under(state, { type: 'PassAcknowledged', data: { ...asAck(given), at: 0 } }),
        start,
      )
    expect(saidOf(folded(inOrder))).toEqual(saidOf(folded(inAnother)))
  })
}

describe('invariant 6: acknowledgements of one pass', () => {
  test('mean the same in any order', () => {
    fc.assert(orderDoesNotMatter(evolve), { numRuns: 500 })
  })

  test('is seen failing when the last one wins', () => {
    const lastWins: Evolve = (state, event) => {
      const next = evolve(state, event)
      const pass = passOf(state)
      if (event.type !== 'PassAcknowledged' || pass === undefined) return next
      return { ...next, passes: { ...next.passes, [pass.passId]: { ...pass, acknowledged: event.data } } }
    }
    expect(fc.check(orderDoesNotMatter(lastWins), { numRuns: 500, seed: 7 }).failed).toBe(true)
  })

  test('lead to a pass that is done exactly when one of them says so', () => {
    fc.assert(
      fc.property(shuffled, ([acks]) => {
        const done = acks.some(({ outcome }) => outcomeClass(outcome) === 'done')
        expect(saidOf(told(acks))?.class === 'done').toBe(done)
      }),
      { numRuns: 300 },
    )
  })

  test('change nothing when the log holds one of them twice', () => {
    fc.assert(
      fc.property(shuffled, ([acks]) => {
        const events = acks.map(
          (given): RequestEvent => ({ type: 'PassAcknowledged', data: { ...asAck(given), at: 0 } }),
        )
        const once = fold(events, start)
        const twice = fold(
          events.flatMap((event) => [event, event]),
          start,
        )
        expect(twice?.passes).toEqual(once?.passes)
        expect(twice?.status).toBe(once?.status)
      }),
      { numRuns: 300 },
    )
  })
})
