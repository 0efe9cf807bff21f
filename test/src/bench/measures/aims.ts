import type { Aim, Row } from '../report/measure.js'

/** The median of one subject of a measure; null when this run did not measure it. */
export const medianOf = (rows: readonly Row[], measure: string, subject: string): number | null =>
  rows.find((row) => row.measure === measure && row.subject === subject)?.median ?? null

/** How many times as much `subject` is as `against`. */
export function aimOf(
  rows: readonly Row[],
  measure: string,
  text: string,
  subject: string,
  against: string,
  wanted: Aim['wanted'],
): Aim {
  const own = medianOf(rows, measure, subject)
  const other = medianOf(rows, measure, against)
  return { measure, text, reached: own === null || other === null ? null : own / other, wanted }
}

/** A figure that has to be so by itself. */
export const boundOf = (
  rows: readonly Row[],
  measure: string,
  text: string,
  subject: string,
  wanted: Aim['wanted'],
): Aim => ({ measure, text, reached: medianOf(rows, measure, subject), wanted })
