import { envelopeSchema } from './grammar.js'
import { readSource } from './source.js'

/** The systems of a data map, for readers that know no connector; null when it is none. Checks nothing else. */
export function systemIdsOf(text: string): readonly string[] | null {
  const read = readSource(text)
  if (!read.ok) return null
  const envelope = envelopeSchema.safeParse(read.source.value)
  return envelope.success ? Object.keys(envelope.data.systems).sort() : null
}
