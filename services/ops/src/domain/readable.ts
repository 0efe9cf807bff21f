/**
 * A decoded message as JSON that can be shown: bytes by their number, since they are sealed or a signature, big
 * numbers as text.
 */
export function readable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`
  if (Array.isArray(value)) return value.map(readable)
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, readable(inner)]))
  return value
}
