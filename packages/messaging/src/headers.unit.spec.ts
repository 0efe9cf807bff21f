import { describe, expect, it } from 'vitest'
import { countHeader, readHeaders } from './headers.js'

describe('readHeaders', () => {
  it('leaves out null values and survives absent headers', () => {
    const headers = { a: Buffer.from('1'), b: null, c: undefined, d: ['x', Buffer.from('y')], e: [] }
    expect(readHeaders(headers as never)).toEqual({ a: '1', d: 'y' })
    expect(readHeaders(undefined)).toEqual({})
    expect(readHeaders(null)).toEqual({})
  })

  it('counts only what is a count', () => {
    expect(countHeader({ redrives: '2' }, 'redrives')).toBe(2)
    for (const text of ['', '-1', '1.5', 'many', '99999999999999999999'])
      expect(countHeader({ redrives: text }, 'redrives')).toBe(0)
  })
})
