import type { Gates, Restore } from '../../../src/adapters/http/answer-types.js'
import { counted, plain, type Tone } from './words.js'

type Gate = Gates['items'][number]

const standings: Readonly<Record<Gate['standing'], { readonly tone: Tone; readonly text: string }>> = {
  open: { tone: 'good', text: 'open' },
  shut: { tone: 'bad', text: 'shut' },
  advisory: { tone: 'bad', text: 'shut, advisory' },
  unknown: { tone: 'warn', text: 'unknown' },
}

/** A gate in a word, and why that word. */
export function gateWords(gate: Pick<Gate, 'standing' | 'watched' | 'lookedAt'>): {
  readonly tone: Tone
  readonly text: string
  readonly why: string
} {
  const known = standings[gate.standing] ?? { tone: 'warn', text: String(gate.standing) }
  if (gate.standing === 'advisory') return { ...known, why: 'the store itself keeps nobody out' }
  if (gate.standing !== 'unknown') return { ...known, why: '' }
  if (!gate.watched) return { ...known, why: 'nobody watches this store, so nobody could shut it' }
  if (gate.lookedAt === null) return { ...known, why: 'nobody has looked at it yet' }
  return { ...known, why: 'nobody could look at it lately, or it showed another marker' }
}

const phases: Readonly<Record<string, { readonly tone: Tone; readonly text: string }>> = {
  announced: { tone: 'busy', text: 'announced' },
  shut: { tone: 'busy', text: 'gate shut' },
  replaying: { tone: 'busy', text: 'erasing again' },
  probing: { tone: 'busy', text: 'probing' },
  waiting: { tone: 'bad', text: 'waits for a person' },
  opened: { tone: 'good', text: 'opened' },
  superseded: { tone: 'quiet', text: 'superseded by a later copy' },
}
export const phaseWords = (phase: string): { readonly tone: Tone; readonly text: string } =>
  phases[phase] ?? { tone: 'warn', text: plain(phase) }

/** What is left over in a copy, by kind; empty when nobody is. */
export function leftovers(
  restore: Pick<Restore, 'held' | 'unreadable' | 'failed' | 'residual' | 'inconclusive'>,
): string[] {
  const named = (counts: Readonly<Record<string, number>>, what: string) =>
    Object.entries(counts).map(([name, n]) => `${what} ${name}: ${n}`)
  return [
    ...(restore.held > 0 ? [`${counted(restore.held, 'person').replace('persons', 'people')} held`] : []),
    ...(restore.unreadable > 0 ? [`${counted(restore.unreadable, 'tombstone')} unreadable`] : []),
    ...named(restore.failed, 'failed'),
    ...named(restore.residual, 'residue in'),
    ...named(restore.inconclusive, 'could not look'),
  ]
}
