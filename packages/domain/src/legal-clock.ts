import { isRegime, type Period, type Regime, regimes } from './regimes.js'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/**
 * The last millisecond at which a request is in time, in epoch milliseconds.
 *
 * The day of receipt is not counted, and the period ends with the last hour of its last day; a
 * period of months ends on the date that corresponds to the day of receipt, or on the last day of
 * the month where it has no such date: Regulation (EEC, Euratom) 1182/71, Art. 3(1), (2)(b) and (c).
 * Art. 3(4), which moves an end on a holiday or weekend to the next working day, is not used: the
 * earlier date is in time under every reading.
 *
 * `utcOffsetMinutes` says where the day of receipt begins (60 for Berlin in winter); default UTC.
 * Throws RangeError for a regime that is not in `regimes`.
 */
export function dueAt(regime: string, receivedAt: number, utcOffsetMinutes = 0): number {
  return endOfPeriod(receivedAt, ruleOf(regime).respondWithin, utcOffsetMinutes)
}

/**
 * The latest date an extension can reach, or null where the regime knows none. It is counted from
 * the due date, which for months is never later than counting from the receipt.
 */
export function extendedDueAt(regime: string, receivedAt: number, utcOffsetMinutes = 0): number | null {
  const { extension } = ruleOf(regime)
  if (extension === null) return null
  return endOfPeriod(dueAt(regime, receivedAt, utcOffsetMinutes), extension, utcOffsetMinutes)
}

function ruleOf(regime: string): Regime {
  if (!isRegime(regime)) throw new RangeError(`unknown regime; known are ${Object.keys(regimes).join(', ')}`)
  return regimes[regime]
}

function endOfPeriod(from: number, period: Period, utcOffsetMinutes: number): number {
  const offset = utcOffsetMinutes * MINUTE_MS
  const local = new Date(from + offset)
  const lastDay = 'months' in period ? addMonths(local, period.months) : addDays(local, period.days)
  return lastDay + DAY_MS - 1 - offset
}

/** Midnight of the corresponding date, clamped to the end of a shorter month. */
function addMonths(from: Date, months: number): number {
  const year = from.getUTCFullYear()
  const month = from.getUTCMonth() + months
  const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  return Date.UTC(year, month, Math.min(from.getUTCDate(), lastOfMonth))
}

function addDays(from: Date, days: number): number {
  return Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate() + days)
}
