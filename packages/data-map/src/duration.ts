const PATTERN =
  /^P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/

const SECOND = 1_000
const DAY = 86_400 * SECOND
/** Years, months, weeks, days, hours, minutes, seconds. */
const UNITS = [366 * DAY, 31 * DAY, 7 * DAY, DAY, 3_600 * SECOND, 60 * SECOND, SECOND]

/**
 * ISO 8601 duration (`P30D`, `PT5S`, `P1Y6M`) in milliseconds, or null when it is none. A year counts
 * 366 days and a month 31: durations say how long a copy may live, and waiting too long is harmless
 * where collecting a tombstone too early is not. Whole numbers only.
 */
export function durationMs(text: string): number | null {
  const match = PATTERN.exec(text)
  if (!match) return null
  const total = UNITS.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unit, 0)
  return Number.isSafeInteger(total) ? total : null
}
