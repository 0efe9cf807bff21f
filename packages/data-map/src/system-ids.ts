import { envelopeSchema } from './grammar.js'
import { MANUAL } from './manual.js'
import { readSource } from './source.js'

/**
 * The systems of a data map that have an eraser and a probe, for readers that know no connector; null when it is no
 * data map. Checks nothing else. What a person erases by hand, and what holds nothing of anybody, has neither.
 */
export function systemIdsOf(text: string): readonly string[] | null {
  const read = readSource(text)
  if (!read.ok) return null
  const envelope = envelopeSchema.safeParse(read.source.value)
  if (!envelope.success) return null
  const erased = Object.entries(envelope.data.systems).filter(
    ([, { kind, notApplicable }]) => kind !== MANUAL && notApplicable === undefined,
  )
  return erased.map(([systemId]) => systemId).sort()
}
