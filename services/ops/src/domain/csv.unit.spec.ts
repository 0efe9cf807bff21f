import { describe, expect, it } from 'vitest'
import { csvLine } from './csv.js'

describe('a line of a CSV file', () => {
  it('separates by commas, quotes what needs it, and leaves what is not there empty', () => {
    expect(csvLine(['a', 1, true, null])).toBe('a,1,true,\r\n')
    expect(csvLine(['a,b', 'say "no"', 'two\r\nlines'])).toBe('"a,b","say ""no""","two\r\nlines"\r\n')
  })

  it('holds nothing that a spreadsheet would calculate', () => {
    for (const formula of [
      '=1+1',
      '+49',
      '-2',
      '@SUM(A1)',
      ' =HYPERLINK("http://evil")',
      '\t=1',
      '\r=1',
      "=cmd|' /C calc'!A0",
      '%0A=1',
      '|x',
    ])
      expect(csvLine([formula]), formula).toMatch(/^"'/)
    expect(csvLine(['2026-11-21T10:00:00.000Z', 'user-1', 'a=b', "it's"])).toBe(
      '2026-11-21T10:00:00.000Z,user-1,a=b,"it\'s"\r\n',
    )
  })
})
