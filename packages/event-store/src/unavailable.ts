/** SQLSTATE classes that speak of the server or of contention, never of what was asked. */
const CLASSES = new Set(['08', '28', '40', '53', '58'])
const STATES = new Set(['25006', '42501', '55P03', '57P01', '57P02', '57P03', '57P05'])
/** What the driver says without a code. */
const TEXTS = /connection (terminated|error)|timeout exceeded when trying to connect/i

/**
 * Whether the database is away, refuses everybody or is too busy: nothing is wrong with the work, which
 * may wait and be done again. A consumer that spent attempts on it would dead-letter good messages.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  if (/^E[A-Z_]{3,}$/.test(code) || code === 'version_conflict') return true
  if (/^[0-9A-Z]{5}$/.test(code)) return STATES.has(code) || CLASSES.has(code.slice(0, 2))
  return TEXTS.test(error.message)
}
