import type { Spread } from './statistics.js'

/** One line of the table: a thing that was measured, in every repetition. */
export interface Sample {
  /** Which measure it belongs to; one plot each. */
  readonly measure: string
  /** Who or what was measured, e.g. `lethe` or `sequential, 32 at once`. */
  readonly subject: string
  readonly unit: string
  readonly value: number
}

/** What the issue asks of a measure, worked out from the medians. */
export interface Aim {
  readonly measure: string
  readonly text: string
  /** Null when what it is worked out from was not measured in this run. */
  readonly reached: number | null
  readonly wanted: { readonly atLeast: number } | { readonly atMost: number }
}

/** All repetitions of one subject. */
export interface Row extends Spread {
  readonly measure: string
  readonly subject: string
  readonly unit: string
}

export const meets = ({ reached, wanted }: Aim): boolean | null =>
  reached === null ? null : 'atLeast' in wanted ? reached >= wanted.atLeast : reached <= wanted.atMost
