import type { Erasers } from '../../../src/adapters/http/answer-types.js'
import { span } from './time.js'
import { grouped, plain, type Tone } from './words.js'

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
  failing: { tone: 'bad', text: 'does not erase', why: 'see its canary' },
  unknown: { tone: 'warn', text: 'unknown', why: '' },
}

/** How a deployment gets on, in a word; one that is not known is shown as it is. */
export const verdictWords = (verdict: string): { tone: Tone; text: string; why: string } =>
  verdicts[verdict] ?? { tone: 'warn', text: verdict, why: '' }

type Canary = NonNullable<Eraser['canary']>

const canaries: Readonly<Record<string, { readonly tone: Tone; readonly text: string }>> = {
  passed: { tone: 'good', text: 'erased' },
  failed: { tone: 'bad', text: 'not erased' },
  unconfirmed: { tone: 'warn', text: 'erased by its own word' },
}
const causes: Readonly<Record<string, string>> = {
  not_done: 'no answer in time',
  not_found: 'it found nobody, and somebody was there',
  residual: 'a probe found records left',
  inconclusive: 'the probe could not tell',
}

/** What became of the made-up person of the last restore drill, in words; a result that is not known is no good one. */
export function canaryWords({ result, why }: Pick<Canary, 'result' | 'why'>): {
  readonly tone: Tone
  readonly text: string
  readonly why: string
} {
  const known = canaries[result] ?? { tone: 'warn', text: plain(result) }
  return { ...known, why: why === null ? '' : (causes[why] ?? plain(why)) }
}

/** What holds an eraser back. */
export function pacingWords(pacing: Eraser['pacing']): string {
  if (pacing === null) return 'nothing is held back'
  const { size, max, perSecond, waitsMs } = pacing
  const parts = [`${grouped(size)} of at most ${grouped(max)} at once`]
  if (perSecond !== null) parts.push(`${grouped(perSecond)} a second at most`)
  if (waitsMs > 0) parts.push(`waits ${span(waitsMs)}`)
  return parts.join(', ')
}
