import type { IdentifierType } from '@lethe/eraser-kit'
import type { Column } from './catalogue.js'

const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int2: [-32768n, 32767n],
  int4: [-2147483648n, 2147483647n],
  int8: [-9223372036854775808n, 9223372036854775807n],
}
const TEXTS = new Set(['text', 'varchar', 'bpchar', 'citext'])
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const INTEGER = /^(0|-?[1-9][0-9]{0,18})$/
/** Digits with which a number is exact without being a bigint. */
const SAFE = 16
const DECIMAL = /^(0|-?[1-9][0-9]{0,130})(\.[0-9]*[1-9])?$/

/** Whether an identifier can be compared with this column at all. */
export function comparable(column: Column): boolean {
  return (
    column.base in RANGES || TEXTS.has(column.base) || column.base === 'uuid' || column.base === 'numeric'
  )
}

export const isInteger = (column: Column): boolean => column.base in RANGES

export function isText(column: Column): boolean {
  return TEXTS.has(column.base)
}

/**
 * The value as the column would hold it, or null when it can't hold it: `u1` and `007` are no integer,
 * 2^70 is no bigint, a NUL is in no text. Null means "not found", never an error and never a near match.
 */
export function typedValue(column: Column, type: IdentifierType | null, value: string): string | null {
  const range = RANGES[column.base]
  if (range) {
    if (!INTEGER.test(value)) return null
    // A number is as exact as a bigint up to there, and costs a tenth.
    const number = value.length < SAFE ? Number(value) : BigInt(value)
    return number >= range[0] && number <= range[1] ? value : null
  }
  if (value === '' || value.includes('\0') || /\p{Surrogate}/u.test(value)) return null
  if (column.base === 'numeric') return DECIMAL.test(value) ? value : null
  if (column.base === 'uuid') return UUID.test(value) ? value.toLowerCase() : null
  if (!TEXTS.has(column.base)) return null
  // char(n) ignores trailing spaces, so 'u1 ' would equal 'u1'.
  if (column.base === 'bpchar' && value.endsWith(' ')) return null
  return type === 'email' ? lowerAscii(value) : value
}

/** Only A to Z: Unicode folding would take look-alikes (the Kelvin sign) for another person's letters. */
export function lowerAscii(value: string): string {
  return value.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** Type of the array that carries the values of this column. */
export function arrayType(column: Column): string {
  if (column.base in RANGES || column.base === 'uuid' || column.base === 'numeric') return column.base
  return column.base === 'citext' ? column.type : 'text'
}
