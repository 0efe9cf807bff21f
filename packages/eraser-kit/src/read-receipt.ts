import type { wire } from '@lethe/schemas'
import { z } from 'zod'
import type { Receipt } from './connector.js'

const number = z.number()
const count = z.looseObject({
  ...{ found: number, erased: number, redacted: number, retained: number, failed: number },
})
const acknowledgement = z.looseObject({
  ...{ ackId: z.string(), requestId: z.string(), tenantId: z.string(), subjectRef: z.string() },
  ...{ systemId: z.string(), stepId: z.string(), passId: z.string(), attempt: number },
  ...{ startedAt: number, finishedAt: number, outcome: z.string(), counts: z.record(z.string(), count) },
  ...{ connectorVersion: z.string(), grantId: z.string(), mac: z.string() },
})

/**
 * The acknowledgement a store kept, or null when it is none of this pass: the store may have damaged it, and one
 * damaged receipt must not stop everybody whose pass came along. Whether it is true, its MAC says.
 */
export function readReceipt({ requestId, passId, body }: Receipt): wire.ErasureAcknowledged | null {
  const read = acknowledgement.safeParse(contentOf(body))
  if (!read.success || read.data.requestId !== requestId || read.data.passId !== passId) return null
  return read.data as unknown as wire.ErasureAcknowledged
}

function contentOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // The parser's words would quote the body.
    return null
  }
}
