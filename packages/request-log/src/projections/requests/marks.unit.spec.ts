import { describe, expect, it } from 'vitest'
import { marksOf } from './marks.js'

const has = (marks: number, systemId: string) =>
  (BigInt(marks) & BigInt(marksOf([systemId]))) === BigInt(marksOf([systemId]))

describe('the marks of systems', () => {
  const systems = Array.from({ length: 40 }, (_, n) => `system-${n}`)

  it('have those of each of them', () => {
    for (let n = 1; n <= systems.length; n++)
      for (const one of systems.slice(0, n)) expect(has(marksOf(systems.slice(0, n)), one), one).toBe(true)
  })

  it('are the same in any order and however often one is named', () => {
    expect(marksOf(['a', 'b', 'a'])).toBe(marksOf(['b', 'a']))
  })

  it('of no system are none, and of any are a number that JavaScript and PostgreSQL hold exactly', () => {
    expect(marksOf([])).toBe(0)
    for (const one of systems) expect(marksOf([one])).toBeGreaterThan(0)
    expect(Number.isSafeInteger(marksOf(systems))).toBe(true)
  })

  it('of three systems say of most others that they are not among them', () => {
    const marks = marksOf(systems.slice(0, 3))
    expect(systems.slice(3).filter((one) => has(marks, one)).length).toBeLessThan(5)
  })
})
