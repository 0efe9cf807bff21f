import { expect, it } from 'vitest'
import { cellWords } from './cell.js'

it.each([
  ['residual', 'COMPLETED', false, 3, 'bad', 'residue: 3 records'],
  ['residual', 'COMPLETED', false, null, 'bad', 'residue'],
  ['inconclusive', 'IN_PROGRESS', false, 0, 'warn', 'could not be looked at'],
  ['clean', 'COMPLETED', true, 0, 'good', 'clean'],
  ['clean', 'IN_PROGRESS', false, 0, 'busy', 'clean before; now in progress'],
  [null, 'PENDING', false, null, 'quiet', 'not looked at; pending'],
  [null, 'NOT_APPLICABLE', false, null, 'quiet', 'does not apply'],
] as const)('a cell with the finding %s in the status %s is not called better than it is', (...given) => {
  const [result, status, verified, residual, tone, text] = given
  expect(cellWords({ result, status, verified, residual })).toEqual({ tone, text })
})

it('what a person attested is not called clean, whatever else is known', () => {
  const said = { result: null, status: 'ATTESTED', verified: false, residual: null, attested: true }
  expect(cellWords(said)).toEqual({ tone: 'warn', text: 'attested, not probed' })
})
