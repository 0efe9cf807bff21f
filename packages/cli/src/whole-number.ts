import { UsageError } from './exit.js'

/**
 * Reads the value of an option that counts something. Only digits are a number here: an unset variable of a
 * script is an empty text, which must not be read as 0. Throws UsageError, which repeats nothing of the text.
 */
export const wholeNumber =
  (option: string, least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new UsageError(`${option} takes a whole number from ${least} to ${most}`)
  }
