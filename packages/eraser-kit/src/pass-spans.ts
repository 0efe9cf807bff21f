import type { SpanAttributes, Traced } from '@lethe/service-host'
import { failureOf } from './acknowledging.js'
import type { Outcome } from './connector.js'
import type { Settlement } from './settle.js'

interface NamedPass {
  readonly requestId: string
  readonly passId: string
  readonly systemId?: string
  readonly attempt?: number
  readonly traceparent?: string | undefined
}

/** Passes as the requests their spans belong to. */
export const tracedPasses = (systemId: string, passes: readonly NamedPass[]) => (): Traced[] =>
  passes.map(({ requestId, passId, attempt, traceparent }) => ({
    requestId,
    traceparent,
    attributes: { 'lethe.system.id': systemId, 'lethe.pass.id': passId, 'lethe.attempt': attempt },
  }))

/** What an outcome or an acknowledgement says, summed over its collections. */
export function outcomeAttributes({
  outcome,
  counts,
  errorCode,
}: Pick<Outcome, 'outcome' | 'counts'> & { readonly errorCode?: string | null }): SpanAttributes {
  const sum = { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 }
  for (const each of Object.values(counts))
    for (const name of ['found', 'erased', 'redacted', 'retained', 'failed'] as const) sum[name] += each[name]
  return {
    'lethe.outcome': outcome,
    'lethe.count.found': sum.found,
    'lethe.count.erased': sum.erased,
    'lethe.count.redacted': sum.redacted,
    'lethe.count.retained': sum.retained,
    'lethe.count.failed': sum.failed,
    ...(errorCode ? { 'error.type': errorCode } : {}),
  }
}

export function settlementAttributes(settlement: Settlement): SpanAttributes {
  if (settlement.by === 'outcome') return outcomeAttributes(settlement.outcome)
  if (settlement.by === 'receipt') return { 'lethe.outcome': 'receipt' }
  return { 'lethe.outcome': 'failed', 'error.type': failureOf(settlement.error).errorCode }
}
