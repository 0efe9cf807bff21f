const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NOTHING = /^0+$/

/** One trace per request: its id is the request's id without the dashes. Null where that is no UUID. */
export const traceIdOf = (requestId: string): string | null =>
  UUID.test(requestId) ? requestId.replaceAll('-', '') : null

/** The span every trace begins with, known to each process without asking. */
export const rootOf = (traceId: string): string => `00-${traceId}-${traceId.slice(16)}-01`

/** Parts of a W3C trace context; null for anything else. */
export function parseTraceparent(
  text: string | undefined,
): { traceId: string; spanId: string; flags: number } | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text ?? '') ?? []
  if (!traceId || !spanId || !flags || NOTHING.test(traceId) || NOTHING.test(spanId)) return null
  return { traceId, spanId, flags: Number.parseInt(flags, 16) }
}
