import type { RequestCommand } from '@lethe/domain'
import { type Incoming, UnprovenError } from '@lethe/messaging'
import { deriveMacKey, type MacScope, verifyMac, type wire } from '@lethe/schemas'
import { TerminalError } from '@lethe/service-host'

/** A message whose origin is proven, as the command it means. */
export interface Proven {
  /** `ackId` or `reportId`: the same on every republication. */
  readonly messageId: string
  readonly requestId: string
  readonly command: Extract<RequestCommand, { type: 'Acknowledge' | 'ReportProbe' }>
}

/**
 * Checks the one-time MAC and turns the message into a command. Pure.
 *
 * @throws UnprovenError `grant_invalid` when the MAC is not of this message and this grant
 * @throws TerminalError `schema_unknown` when the topic carries a type that does not belong there
 */
export function proven(incoming: Incoming, grantSecret: string): Proven {
  if (incoming.type === 'ErasureAcknowledged')
    return acknowledgement(incoming.value as wire.ErasureAcknowledged, grantSecret)
  if (incoming.type === 'ProbeReported') return report(incoming.value as wire.ProbeReported, grantSecret)
  throw new TerminalError('schema_unknown', `${incoming.type} does not belong on ${incoming.topic}`)
}

function acknowledgement(message: wire.ErasureAcknowledged, secret: string): Proven {
  const { requestId, systemId, passId, attempt, grantId } = message
  check(message, secret, { purpose: 'ack', requestId, systemId, passId, attempt, grantId })
  const { mac, tenantId, subjectRef, requestId: _, ...ack } = message
  return { messageId: message.ackId, requestId, command: { type: 'Acknowledge', ack } }
}

function report(message: wire.ProbeReported, secret: string): Proven {
  const { requestId, systemId, passId } = message
  check(message, secret, { purpose: 'probe', requestId, systemId, passId })
  const { mac, tenantId, subjectRef, probeKind, requestId: _, ...reported } = message
  return { messageId: message.reportId, requestId, command: { type: 'ReportProbe', report: reported } }
}

/** What the message names is repeated nowhere: whoever forged it may have written a person there. */
function check(message: { readonly mac: string }, secret: string, scope: MacScope): void {
  const named = Object.values(scope).every((one) => typeof one === 'string' || typeof one === 'number')
  if (!named || !verifyMac(message, deriveMacKey(secret, scope)))
    throw new UnprovenError('grant_invalid', 'the mac does not belong to the pass and system of the message')
}
