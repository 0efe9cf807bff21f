import { describe, expect, test } from 'vitest'
import { countsOfPasses, sumOfSteps } from './counts.js'

const rows = (over: object) => ({
  orders: { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0, ...over },
})

describe('the counts of a step', () => {
  test('do not count twice what a pass over its ceiling left and the waived pass erased', () => {
    const passes = [rows({ found: 40, failed: 40 }), rows({ found: 40, erased: 30, redacted: 10 })]
    expect(countsOfPasses(passes)).toEqual(rows({ found: 40, erased: 30, redacted: 10 }))
  })

  test('add what each pass of a failed erasure took, and keep what is left', () => {
    const passes = [rows({ found: 10, erased: 6, failed: 4 }), rows({ found: 4, erased: 3, failed: 1 })]
    expect(countsOfPasses(passes)).toEqual(rows({ found: 10, erased: 9, failed: 1 }))
  })

  test('say retained until a resumed pass erased it', () => {
    const first = rows({ found: 3, erased: 1, retained: 2 })
    expect(countsOfPasses([first, rows({ found: 2, retained: 2 })])).toEqual(first)
    expect(countsOfPasses([first, rows({ found: 2, erased: 2 })])).toEqual(rows({ found: 3, erased: 3 }))
  })

  test('keep what a pass counted when a later one could not look', () => {
    expect(countsOfPasses([rows({ found: 3, erased: 3 }), {}])).toEqual(rows({ found: 3, erased: 3 }))
  })

  test('add what came back and was erased again', () => {
    const passes = [rows({ found: 5, erased: 5 }), rows({ found: 2, erased: 2 })]
    expect(countsOfPasses(passes)).toEqual(rows({ found: 7, erased: 7 }))
    expect(sumOfSteps(passes)).toEqual(rows({ found: 7, erased: 7 }))
  })
})
