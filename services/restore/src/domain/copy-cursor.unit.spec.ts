import { describe, expect, it } from 'vitest'
import { type CopyCursor, cursorOf, cursorText } from './copy-cursor.js'

const ID = '019aa1f0-7d11-7cc5-b2fa-2f6f2e1c9d10'

describe('the cursor of a copy', () => {
  it('is the last tombstone’s id until somebody is put off, as it was before anybody could be', () => {
    expect(cursorText({ after: ID, later: 0 })).toBe(ID)
    expect(cursorOf('')).toEqual({ after: '', later: 0 })
  })

  it.each<CopyCursor>([
    { after: ID, later: 0 },
    { after: ID, later: 7 },
    { after: null, later: 3 },
    { after: null, later: 0 },
  ])('%o comes back as it was sent', (cursor) => {
    expect(cursorOf(cursorText(cursor))).toEqual(cursor)
  })

  it.each(['~', '~~', '~x~y', '~7', '~7~', '~-1~a', '~9999999999999999~a'])('%s is none', (text) => {
    expect(cursorOf(text)).toBeNull()
  })
})
