import { macOf, type wire } from '@lethe/schemas'
import { LetheError, TerminalError } from '@lethe/service-host'
import { v7 as uuidv7 } from 'uuid'
import type { Outcome, Pass, Receipt } from './connector.js'
import { passKey } from './settle.js'

/** A pass that has clearance, with the key its acknowledgement is sealed with. */
export interface ClearedPass extends Pass {
  /** base64url; never logged, never stored. */
  readonly macKey: string
}

/**
 * Builds the acknowledgements of one batch. What went into a receipt is what gets published: both are the
 * same sealed message, so that a rerun that finds the receipt repeats it byte by byte.
 */
export class Acknowledgements {
  private readonly inReceipts = new Map<string, wire.ErasureAcknowledged>()
  private readonly startedAt: number

  constructor(
    private readonly cleared: ReadonlyMap<string, ClearedPass>,
    private readonly connectorVersion: string,
    private readonly now: () => number,
  ) {
    this.startedAt = now()
  }

  /** The sealed twin, for the connector to write together with the change. */
  receipt(pass: Pass, outcome: Outcome): Receipt {
    if (outcome.outcome !== 'failed' && Object.values(outcome.counts).some(({ failed }) => failed > 0))
      throw new TerminalError(
        'partial_failure',
        'A connector may not report success where a part has failed.',
      )
    const acknowledgement = this.build(pass, outcome)
    this.inReceipts.set(passKey(pass), acknowledgement)
    return { requestId: pass.requestId, passId: pass.passId, body: JSON.stringify(acknowledgement) }
  }

  /** What to publish for an outcome. */
  of(pass: Pass, outcome: Outcome): wire.ErasureAcknowledged {
    const kept = outcome.outcome === 'failed' ? undefined : this.inReceipts.get(passKey(pass))
    return kept ?? this.build(pass, outcome)
  }

  /** What to publish when a pass failed by itself; the error's text stays here. */
  failed(pass: Pass, error: unknown): wire.ErasureAcknowledged {
    return this.build(pass, { outcome: 'failed', counts: {}, ...failureOf(error) })
  }

  private build(pass: Pass, outcome: Outcome): wire.ErasureAcknowledged {
    const macKey = this.cleared.get(passKey(pass))?.macKey
    if (macKey === undefined)
      throw new TerminalError('grant_invalid', 'A pass without clearance was acknowledged.')
    const unsealed: Omit<wire.ErasureAcknowledged, 'mac'> = {
      ackId: uuidv7(),
      requestId: pass.requestId,
      tenantId: pass.subject.tenantId,
      subjectRef: pass.subject.subjectRef,
      systemId: pass.systemId,
      stepId: pass.stepId,
      passId: pass.passId,
      attempt: pass.attempt,
      startedAt: this.startedAt,
      finishedAt: this.now(),
      outcome: outcome.outcome,
      counts: countsOf(outcome),
      position: outcome.position ?? null,
      errorCode: outcome.errorCode ?? null,
      errorClass: outcome.errorClass ?? (outcome.outcome === 'failed' ? 'retryable' : null),
      nextRetryAt: outcome.nextRetryAt ?? null,
      vendorRef: outcome.vendorRef ?? null,
      vendorExpectedAt: outcome.vendorExpectedAt ?? null,
      retained: outcome.retained ?? [],
      expiring: outcome.expiring ?? null,
      connectorVersion: this.connectorVersion,
      grantId: pass.grant.grantId,
    }
    return { ...unsealed, mac: macOf(unsealed, macKey) }
  }
}

// Named one by one: a connector's extra fields would be signed here and lost on the wire.
function countsOf(outcome: Outcome): wire.ErasureAcknowledged['counts'] {
  return Object.fromEntries(
    Object.entries(outcome.counts).map(([collection, { found, erased, redacted, retained, failed }]) => [
      collection,
      { found, erased, redacted, retained, failed },
    ]),
  )
}

/** Code and class of whatever was thrown; what is unknown may be tried again. */
export function failureOf(error: unknown): { errorCode: string; errorClass: wire.ErrorClass } {
  if (error instanceof LetheError) return { errorCode: error.code, errorClass: error.errorClass }
  return { errorCode: 'unexpected', errorClass: 'retryable' }
}
