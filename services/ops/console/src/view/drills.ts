import type { Drill } from '../../../src/adapters/http/answer-types.js'
import { span } from './time.js'
import { counted, plain } from './words.js'

type Evidence = NonNullable<Drill['evidence']>

/** What a drill saw, in a sentence: nobody is called gone whom nobody looked for. */
export function drillSaw({ canary, cameBack }: Pick<Evidence, 'canary' | 'cameBack'>): string {
  const all = Object.entries(cameBack).map(([name, n]) => `${name}: ${n}`)
  const others = all.length === 0 ? '' : ` Probes found before the replay: ${all.join(', ')}.`
  if (canary.cameBack === null) return `Nobody looked for the made-up person.${others}`
  const came = `The made-up person came back with ${counted(canary.cameBack, 'record')}; `
  const left =
    canary.left === null ? 'nobody looked after the replay.' : `after the replay ${canary.left} were left.`
  return `${came}${left}${others}`
}

/** As a drill goes; the database keeps no order. */
const PHASES = [
  'checking',
  'planting',
  'backing_up',
  'erasing',
  'restoring',
  'looking',
  'replaying',
  'probing',
]

/** How long each step took, in the order of the steps. @param durations milliseconds by phase */
export const lengths = (durations: Evidence['durations']): string =>
  Object.entries(durations)
    .toSorted(([a], [b]) => placeOf(a) - placeOf(b))
    .map(([phase, ms]) => `${plain(phase)} ${ms < 1_000 ? `${Math.round(ms)} ms` : span(ms)}`)
    .join(', ') || 'No step is on record.'

const placeOf = (phase: string): number => (PHASES.includes(phase) ? PHASES.indexOf(phase) : PHASES.length)
