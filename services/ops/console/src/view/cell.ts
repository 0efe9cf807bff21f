import type { Matrix } from '../../../src/adapters/http/answer-types.js'
import { counted, plain, type Tone } from './words.js'

type Cell = Matrix['items'][number]['cells'][number]

/** What a probe found in one system, in words; what was not looked at is said to be. */
export function cellWords(
  cell: Pick<Cell, 'status' | 'result' | 'verified' | 'residual'> & Partial<Pick<Cell, 'attested'>>,
): {
  readonly tone: Tone
  readonly text: string
} {
  const { status, result, verified, residual, attested = false } = cell
  if (attested) return { tone: 'warn', text: 'attested, not probed' }
  if (result === 'residual')
    return { tone: 'bad', text: residual === null ? 'residue' : `residue: ${counted(residual, 'record')}` }
  if (result === 'inconclusive') return { tone: 'warn', text: 'could not be looked at' }
  if (status === 'NOT_APPLICABLE') return { tone: 'quiet', text: 'does not apply' }
  if (result === 'clean' && verified) return { tone: 'good', text: 'clean' }
  // Something was done there since the probe looked, or is still to be done.
  if (result === 'clean') return { tone: 'busy', text: `clean before; now ${plain(status)}` }
  return { tone: 'quiet', text: `not looked at; ${plain(status)}` }
}
