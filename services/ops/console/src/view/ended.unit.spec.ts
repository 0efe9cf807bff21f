import { describe, expect, it } from 'vitest'
import { endedText, isEnded } from './ended.js'

describe('the end of a session', () => {
  it('is told with why, and not at all to who signed out or never was in', () => {
    for (const reason of ['too_old', 'unused', 'credential_ended', 'made_room', 'refused']) {
      expect(isEnded(reason), reason).toBe(true)
      expect(endedText(isEnded(reason) ? reason : null)).toMatch(/^The session has ended: .*\.$/)
    }
    expect(endedText('signed out')).toBeNull()
    expect(endedText(null)).toBeNull()
  })

  it('is no other reason that an answer may carry', () => {
    for (const strange of [undefined, null, 7, '', 'toString', '__proto__', ['too_old']])
      expect(isEnded(strange)).toBe(false)
  })
})
