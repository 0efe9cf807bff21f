import type { Erasers } from '../../../src/adapters/http/answer-types.js'
import { span } from './time.js'
import { grouped, type Tone } from './words.js'

type Eraser = Erasers['items'][number]

const verdicts: Readonly<
  Record<string, { readonly tone: Tone; readonly text: string; readonly why: string }>
> = {
  up: { tone: 'good', text: 'up', why: '' },
  silent: { tone: 'bad', text: 'silent', why: 'nobody works there' },
  missing: {
    tone: 'bad',
    text: 'missing',
    why: 'the data map names the system, and nobody ever spoke for it',
  },
  unusable: { tone: 'bad', text: 'can not use its store', why: 'credentials or address' },
  unknown: { tone: 'warn', text: 'unknown', why: '' },
}

/** How a deployment gets on, in a word; one that is not known is shown as it is. */
export const verdictWords = (verdict: string): { tone: Tone; text: string; why: string } =>
  verdicts[verdict] ?? { tone: 'warn', text: verdict, why: '' }

/** What holds an eraser back. */
export function pacingWords(pacing: Eraser['pacing']): string {
  if (pacing === null) return 'nothing is held back'
  const { size, max, perSecond, waitsMs } = pacing
  const parts = [`${grouped(size)} of at most ${grouped(max)} at once`]
  if (perSecond !== null) parts.push(`${grouped(perSecond)} a second at most`)
  if (waitsMs > 0) parts.push(`waits ${span(waitsMs)}`)
  return parts.join(', ')
}
