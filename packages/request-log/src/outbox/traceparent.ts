import { randomBytes } from 'node:crypto'

/**
 * W3C trace context for a message no running trace covers. The trace id is the request's id where it is a
 * UUID, so that everything that ever happens to one request is one trace, and its parent is that trace's first
 * span, whose id is the end of the request's. Never null: a null column would
 * arrive as a null header, which breaks consumers that read headers as text.
 */
export function traceparentOf(requestId: string | null): string {
  const hex = requestId?.replaceAll('-', '').toLowerCase() ?? ''
  const traceId = /^[0-9a-f]{32}$/.test(hex) ? hex : randomBytes(16).toString('hex')
  return `00-${traceId}-${traceId.slice(16)}-01`
}
