import { describe, expect, it } from 'vitest'
import { bulkVerbs as offered, rolesFor } from '../../../src/domain/permissions.js'
import { bulkVerbs, expected, hindranceText, outcomeText, reasonText } from './bulk.js'

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
})
