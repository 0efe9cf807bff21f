import type { IdentifierType, PeopleColumns } from '@lethe/eraser-kit'
import type { Look } from './probe-looks.js'
import type { ProbeColumn } from './probe-shape.js'

/** Who is looked for in one column of a store: as arrays the server reads, one entry for each value. */
export interface Wanted {
  readonly values: string
  /** Of the person each value is of; null where the nth value is the nth person's. */
  readonly places: string | null
  tenants(): string
  receivedAt(): string
}

/** People as columns of a store could hold them. Values are looked at once for each type of column. */
export class Sought {
  private readonly wanted = new Map<string, Wanted | null>()

  constructor(private readonly people: PeopleColumns) {}

  /** Null when the column could hold nobody: then there is nothing to find. @param whose its table's tenant column */
  by({ type, column }: Look, whose: ProbeColumn = PLAIN): Wanted | null {
    const key = `${type} ${column.base} ${whose.base}`
    const known = this.wanted.get(key)
    if (known !== undefined) return known
    const made = this.among(type, column, whose)
    this.wanted.set(key, made)
    return made
  }

  private among(type: IdentifierType, column: ProbeColumn, whose: ProbeColumn): Wanted | null {
    const { tenantIds, receivedAt, counts, types, values } = this.people
    const [fit, places]: [string[], number[]] = [[], []]
    // Most people of a page are of one tenant.
    let tenant: string | undefined
    let isTheirs = false
    let at = 0
    for (let place = 0; place < counts.length; place++) {
      const end = at + (counts[place] as number)
      if (tenantIds[place] !== tenant) {
        tenant = tenantIds[place] as string
        isTheirs = fitting(whose, tenant)
      }
      for (; at < end; at++) {
        const value = values[at] as string
        if (!isTheirs || types[at] !== type || !fitting(column, value)) continue
        fit.push(type === 'email' ? folded(value) : value)
        places.push(place)
      }
    }
    if (places.length === 0) return null
    const isNumber = column.base in WIDTH
    return {
      values: isNumber ? listed(fit) : texts(fit),
      // Most often: a third less to send and to read.
      places: places.every((place, n) => place === n) ? null : listed(places),
      tenants: once(() => texts(places.map((place) => tenantIds[place] as string))),
      receivedAt: once(() => listed(places.map((place) => receivedAt[place] as number))),
    }
  }
}

function once(make: () => string): () => string {
  let made: string | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Numbers as the server reads an array of them, made at once. */
const listed = (numbers: readonly (number | string)[]): string => `{${numbers.join(',')}}`

/** Texts the same way: escaping one after the other is what a statement about thousands of people costs most. */
function texts(values: readonly string[]): string {
  const isPlain = !SPECIAL.test(values.join(''))
  return isPlain ? `{"${values.join('","')}"}` : `{${values.map(escaped).join(',')}}`
}

const SPECIAL = /["\\]/
const escaped = (value: string): string => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** A to Z only, as the server folds them. */
const folded = (value: string): string =>
  /[A-Z]/.test(value) ? value.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : value

/** Where no column says which tenant a row has, the tenant is compared as text. */
const PLAIN: ProbeColumn = { name: '', base: 'text' }

const WIDTH: Readonly<Record<string, bigint>> = { int2: 15n, int4: 31n, int8: 63n }

export function isText(column: ProbeColumn): boolean {
  return ['text', 'varchar', 'bpchar', 'citext'].includes(column.base)
}

/** Whether the column can hold the value. */
function fitting(column: ProbeColumn, value: string): boolean {
  const width = WIDTH[column.base]
  if (width !== undefined) {
    if (!/^(0|-?[1-9]\d{0,18})$/.test(value)) return false
    // Nine digits fit all but the smallest, and need no bigint.
    if (value.length < 10 && width > 15n) return true
    const limit = 2n ** width
    return BigInt(value) >= -limit && BigInt(value) < limit
  }
  if (value.length === 0 || value.includes('\u0000') || /[\ud800-\udfff]/u.test(value)) return false
  if (isText(column)) return column.base !== 'bpchar' || value === value.trimEnd()
  if (column.base === 'uuid') return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value)
  return column.base === 'numeric' && /^(0|-?[1-9]\d{0,130})$/.test(value)
}
