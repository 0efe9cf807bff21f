import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrayText, listed } from './sql.js'

/** As the server reads it: every element is quoted, and a backslash takes the next character as it is. */
function read(literal: string): string[] {
  expect(literal).toMatch(/^\{.*\}$/su)
  const found: string[] = []
  for (let at = 1; at < literal.length - 1; at += 2) {
    expect(literal[at]).toBe('"')
    let one = ''
    for (at++; literal[at] !== '"'; at++) one += literal[at] === '\\' ? literal[++at] : literal[at]
    found.push(one)
  }
  return found
}

describe('a list of values as one text', () => {
  test('is read as it was, whatever is in it', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('","', '"', '\\', ',', '{}', '', 'NULL', '\\"', '",'))
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        expect(read(arrayText(texts))).toEqual(texts)
      }),
    )
    expect(listed([1, -2, 1.5])).toBe('{1,-2,1.5}')
    expect(listed([])).toBe('{}')
  })
})
