/*
 * Columns of thousands of entries for another service, which mostly say the same or are looked at by few: runs are one
 * entry for each change, and texts are one text for all of them, so that reading them makes nothing for each.
 */

/** A column of which neighbours often are the same: each value, and how many entries in a row have it. */
export interface Runs<T> {
  readonly values: readonly T[]
  readonly counts: readonly number[]
}

/** A column of texts, one behind the other, with the length of each in UTF-16 code units; -1 of null. */
export interface Texts {
  readonly lengths: Runs<number>
  readonly text: string
}

export function packRuns<T>(column: readonly T[]): Runs<T> {
  const values: T[] = []
  const counts: number[] = []
  for (const value of column) {
    const last = values.length - 1
    if (last >= 0 && values[last] === value) counts[last] = (counts[last] as number) + 1
    else {
      values.push(value)
      counts.push(1)
    }
  }
  return { values, counts }
}

export const packTexts = (column: readonly (string | null)[]): Texts => ({
  lengths: packRuns(column.map((one) => one?.length ?? -1)),
  text: column.join(''),
})

/** Longest column that is taken. */
const MOST = 1_000_000

/** Every entry; null for what is no such column of at most a million entries, or has an entry that `is` refuses. */
export function unpackRuns<T>(packed: unknown, is: (value: unknown) => value is T): T[] | null {
  const runs = runsIn(packed, is)
  if (runs === null) return null
  const column = new Array<T>(runs.size)
  let from = 0
  for (let run = 0; run < runs.counts.length; run++) {
    const to = from + (runs.counts[run] as number)
    column.fill(runs.values[run] as T, from, to)
    from = to
  }
  return column
}

/** The runs of a column, and how many entries they are. */
function runsIn<T>(
  packed: unknown,
  is: (value: unknown) => value is T,
): (Runs<T> & { readonly size: number }) | null {
  if (!isRecord(packed)) return null
  const { values, counts } = packed
  if (!Array.isArray(values) || !Array.isArray(counts) || values.length !== counts.length) return null
  let size = 0
  for (let run = 0; run < counts.length; run++) {
    const count: unknown = counts[run]
    if (!is(values[run]) || !isCount(count) || count === 0 || count > MOST - size) return null
    size += count
  }
  return { values, counts, size }
}

/** A column of texts of which each is made when it is asked for. */
export class TextColumn {
  private constructor(
    private readonly text: string,
    /** Where each begins, and where the last one ends. */
    private readonly begins: Uint32Array,
    private readonly nulls: ReadonlySet<number>,
  ) {}

  /** Null for what is no column of texts. */
  static from(packed: unknown): TextColumn | null {
    if (!isRecord(packed)) return null
    const { text } = packed
    const runs = runsIn(packed['lengths'], isLength)
    if (typeof text !== 'string' || runs === null) return null
    const begins = new Uint32Array(runs.size + 1)
    const nulls = new Set<number>()
    let [place, at] = [0, 0]
    for (let run = 0; run < runs.counts.length; run++) {
      const length = runs.values[run] as number
      for (const end = place + (runs.counts[run] as number); place < end; place++) {
        if (length < 0) nulls.add(place)
        else at += length
        begins[place + 1] = at
      }
    }
    return at === text.length ? new TextColumn(text, begins, nulls) : null
  }

  get size(): number {
    return this.begins.length - 1
  }

  get hasNulls(): boolean {
    return this.nulls.size > 0
  }

  isNull(place: number): boolean {
    return this.nulls.has(place)
  }

  /** The empty text of null. */
  at(place: number): string {
    return this.text.slice(this.begins[place], this.begins[place + 1])
  }

  /** Where one begins in what all of them stand in, for whoever reads so many that a text of each costs too much. */
  beginOf(place: number): number {
    return this.begins[place] as number
  }

  /** @param begin as of `beginOf` */
  codeAt(begin: number): number {
    return this.text.charCodeAt(begin)
  }

  /** @param begin as of `beginOf` */
  hasAt(begin: number, part: string): boolean {
    return this.text.startsWith(part, begin)
  }

  /** Those from one place up to another, which is left out. */
  slice(from: number, to: number): string[] {
    const texts: string[] = []
    for (let place = from; place < to; place++) texts.push(this.at(place))
    return texts
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0

const isLength = (value: unknown): value is number => value === -1 || isCount(value)
