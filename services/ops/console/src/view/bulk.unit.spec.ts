import { describe, expect, it } from 'vitest'
import { bulkVerbs as offered, rolesFor } from '../../../src/domain/permissions.js'
import {
  bulkVerbs,
  expected,
  hindranceText,
  interruptedText,
  outcomeText,
  reasonText,
  stillToDo,
} from './bulk.js'

describe('an action on many requests, in the console', () => {
  it('offers each role what the service lets it do', () => {
    for (const role of ['viewer', 'operator', 'privacy_officer', 'admin', 'service', 'eraser'] as const)
      expect(bulkVerbs([role]).sort(), role).toEqual(
        offered.filter((verb) => rolesFor(verb).includes(role)).sort(),
      )
    expect(bulkVerbs([])).toEqual([])
  })

  it('says in words what will be refused, what came of each and why it stopped, also for a code without words', () => {
    expect(
      expected({
        shown: [
          { status: 'PENDING', hindrance: null, n: 3 },
          { status: 'COMPLETED', hindrance: 'has_ended', n: 2 },
        ],
      }),
    ).toEqual({ able: 3, refused: 2 })
    expect(hindranceText('has_ended')).toBe('has ended')
    expect(hindranceText('some_thing')).toBe('some thing')
    expect(outcomeText('over_ceiling')).toBe('refused: over ceiling')
    expect(reasonText('session_ended')).toContain('session')
    expect(reasonText(null)).toBe('nobody knows why')
  })

  it('that was interrupted says how many were not asked for, and that what nobody knows of is asked again', () => {
    const stopped = { reason: 'process_ended', left: 1_200, outcomes: { done: 3 } }
    expect(interruptedText(stopped)).toBe(
      'It was interrupted: the service that did it has ended. 1 200 requests were not asked for. Resume it: what is done is not asked for again.',
    )
    const unsure = { ...stopped, left: 1, outcomes: { done: 3, not_known: 6 } }
    expect(interruptedText(unsure)).toContain(
      '1 request was not asked for, and of 6 nobody knows what came of it.',
    )
    expect(interruptedText(unsure)).toContain('what nobody knows is.')
    expect(interruptedText(unsure)).not.toContain('nobody is asked twice')
  })

  it('wants to be wished for as many as would be asked for: of what was shown those that can be, then what is left', () => {
    const shown = [
      { status: 'PENDING', hindrance: null, n: 10 },
      { status: 'COMPLETED', hindrance: 'has_ended', n: 2 },
    ]
    expect(stillToDo({ state: 'shown', shown, left: 12, outcomes: {} })).toBe(10)
    expect(stillToDo({ state: 'interrupted', shown, left: 4, outcomes: { done: 5, not_known: 3 } })).toBe(7)
  })
})
