import type { RecordHeaders } from './client/port.js'
import type { Headers } from './incoming.js'

/**
 * Header values come as Buffer, text, an array when a header repeats, or null. The last value of a
 * repeated header counts; a null one is left out.
 */
export function readHeaders(headers: RecordHeaders | undefined | null): Headers {
  const result: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value
    if (last === undefined || last === null) continue
    result[name] = typeof last === 'string' ? last : last.toString('utf8')
  }
  return result
}

/** A header that counts something; 0 when absent or unreadable. */
export function countHeader(headers: Headers, name: string): number {
  const count = Number(headers[name] ?? '0')
  return Number.isSafeInteger(count) && count >= 0 ? count : 0
}
