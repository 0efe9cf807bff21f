import { TextColumn, unpackRuns } from '@lethe/domain'
import type { Identifier, PeopleColumns, Subject } from '@lethe/eraser-kit'
import type {
  Digested,
  LiveTombstone,
  PageLeft,
  PagePeople,
  TombstonePage,
} from '../application/tombstone-source.js'

/*
 * A page has thousands of tombstones, and a replay hundreds of pages: what costs is not what is sent but what is made of
 * it. So texts that few look at are made when they are looked at, and a schema library's copy of each is not made at all.
 */

interface Columns {
  readonly tombstoneIds: TextColumn
  readonly requestIds: TextColumn
  readonly mapVersions: readonly number[]
  readonly held: ReadonlySet<number>
  readonly ceilingWaived: ReadonlySet<number>
  readonly codes: readonly (string | null)[]
  readonly subjectRefs: TextColumn
  readonly tenantIds: readonly (string | null)[]
  readonly receivedAt: readonly (number | null)[]
  readonly types: readonly string[]
  readonly values: TextColumn
  /** Where the identifiers of each begin, and where those of the last one end. */
  readonly identifiers: Uint32Array
  readonly digests: TextColumn
  readonly digestsOf: Uint32Array
}

/** What request answered as a page in columns; null for anything else. */
export function pageIn(answer: unknown): TombstonePage | null {
  if (!isRecord(answer)) return null
  const { validUntil, columns: packed } = answer
  const columns = columnsIn(packed)
  if (!isNumber(validUntil) || columns === null || !agree(columns)) return null
  return new ColumnPage(validUntil, columns)
}

class ColumnPage implements TombstonePage {
  private made: readonly LiveTombstone[] | null = null
  private known: TombstonePage['people']
  private others: TombstonePage['left']

  constructor(
    readonly validUntil: number,
    private readonly columns: Columns,
  ) {}

  get tombstones(): readonly LiveTombstone[] {
    if (this.made !== null) return this.made
    const { columns } = this
    const made = new Array<LiveTombstone>(columns.tombstoneIds.size)
    for (let n = 0; n < made.length; n++) made[n] = new ColumnTombstone(columns, n)
    this.made = made
    return made
  }

  get people(): TombstonePage['people'] {
    if (this.known === undefined) this.known = peopleIn(this.columns)
    return this.known
  }

  get left(): TombstonePage['left'] {
    if (this.others === undefined) this.others = leftIn(this.columns)
    return this.others
  }
}

/** Null where somebody is held or unreadable, or they are of several versions of the data map. */
function peopleIn(columns: Columns): PagePeople | null {
  const { tombstoneIds, mapVersions, held, codes, tenantIds } = columns
  const { size } = tombstoneIds
  const [mapVersion] = mapVersions
  if (mapVersion === undefined || held.size > 0) return null
  for (let n = 0; n < size; n++)
    if (codes[n] !== null || tenantIds[n] === null || mapVersions[n] !== mapVersion) return null
  return new ColumnPeople(columns, mapVersion)
}

/** Whoever pages asks how many they are and who is the last; the rest is made when it is asked for. */
class ColumnPeople implements PagePeople {
  private requests: readonly string[] | null = null

  constructor(
    private readonly all: Columns,
    readonly mapVersion: number,
    /** Where they are not known by the identifiers of the page. */
    private readonly found: PeopleColumns | null = null,
  ) {}

  get size(): number {
    return this.all.tombstoneIds.size
  }

  get lastId(): string {
    return this.all.tombstoneIds.at(this.size - 1)
  }

  get tombstoneIds(): readonly string[] {
    return this.all.tombstoneIds.slice(0, this.size)
  }

  get requestIds(): readonly string[] {
    this.requests ??= this.all.requestIds.slice(0, this.size)
    return this.requests
  }

  get ceilingWaived(): ReadonlySet<number> {
    return this.all.ceilingWaived
  }

  get columns(): PeopleColumns {
    if (this.found !== null) return this.found
    const { tenantIds, receivedAt, identifiers, types, values } = this.all
    const counts = new Array<number>(this.size)
    for (let n = 0; n < counts.length; n++)
      counts[n] = (identifiers[n + 1] as number) - (identifiers[n] as number)
    return {
      tenantIds: tenantIds as readonly string[],
      receivedAt: receivedAt as readonly number[],
      counts,
      types: types as readonly Identifier['type'][],
      values: values.slice(0, values.size),
    }
  }
}

/** Null where somebody is held, or can be read. */
function leftIn(columns: Columns): PageLeft | null {
  const { tombstoneIds, mapVersions, held, codes, tenantIds, digestsOf: begins, digests } = columns
  const { size } = tombstoneIds
  if (size === 0 || held.size > 0 || codes.includes(null)) return null
  const ends = { firstId: tombstoneIds.at(0), lastId: tombstoneIds.at(size - 1) }
  const known = (identifiers: ReadonlyMap<string, Identifier>) => knownIn(columns, identifiers)
  return { size, ...ends, mapVersions, tenantIds, begins, digests, known }
}

/** As of `PageLeft`. */
function knownIn(columns: Columns, identifiers: ReadonlyMap<string, Identifier>): PagePeople | null {
  const { mapVersions, tenantIds, receivedAt, digests, digestsOf: begins } = columns
  const [mapVersion] = mapVersions
  if (mapVersion === undefined) return null
  const counts = new Array<number>(mapVersions.length)
  const types: Identifier['type'][] = []
  const values: string[] = []
  for (let n = 0; n < counts.length; n++) {
    const before = values.length
    for (let at = begins[n] as number; at < (begins[n + 1] as number); at++) {
      const identifier = identifiers.get(digests.at(at))
      if (identifier === undefined) continue
      types.push(identifier.type)
      values.push(identifier.value)
    }
    counts[n] = values.length - before
    if (counts[n] === 0 || mapVersions[n] !== mapVersion) return null
  }
  const named = { tenantIds: tenantIds as readonly string[], receivedAt: receivedAt as readonly number[] }
  return new ColumnPeople(columns, mapVersion, { ...named, counts, types, values })
}

/** Of its texts none is made before it is asked for. The person is a plain object: connectors copy its fields. */
class ColumnTombstone implements LiveTombstone {
  readonly subject: Subject | null

  constructor(
    private readonly columns: Columns,
    private readonly place: number,
  ) {
    const isReadable = columns.codes[place] === null && columns.tenantIds[place] !== null
    this.subject = isReadable ? subjectAt(columns, place) : null
  }

  get tombstoneId(): string {
    return this.columns.tombstoneIds.at(this.place)
  }

  get requestId(): string {
    return this.columns.requestIds.at(this.place)
  }

  get mapVersion(): number {
    return this.columns.mapVersions[this.place] as number
  }

  get held(): boolean {
    return this.columns.held.has(this.place)
  }

  get ceilingWaived(): boolean {
    return this.columns.ceilingWaived.has(this.place)
  }

  get code(): string | undefined {
    return this.columns.codes[this.place] ?? undefined
  }

  get digested(): Digested | undefined {
    const { codes, tenantIds } = this.columns
    if (codes[this.place] === null || tenantIds[this.place] === null) return undefined
    return digestedAt(this.columns, this.place)
  }
}

function subjectAt(columns: Columns, place: number): Subject {
  const { types, values, identifiers: begins } = columns
  const from = begins[place] as number
  // Of its size from the start: one that grows has room for seventeen.
  const identifiers = new Array<Identifier>((begins[place + 1] as number) - from)
  for (let n = 0; n < identifiers.length; n++)
    identifiers[n] = { type: types[from + n] as Identifier['type'], value: values.at(from + n) }
  return {
    subjectRef: columns.subjectRefs.at(place),
    tenantId: columns.tenantIds[place] as string,
    receivedAt: columns.receivedAt[place] as number,
    identifiers,
  }
}

const digestedAt = (columns: Columns, place: number): Digested => ({
  subjectRef: columns.subjectRefs.at(place),
  tenantId: columns.tenantIds[place] as string,
  receivedAt: columns.receivedAt[place] as number,
  digests: columns.digests.slice(columns.digestsOf[place] as number, columns.digestsOf[place + 1] as number),
})

/**
 * Somebody is named whole or not at all, nobody is who is held, nobody has identifiers who can't be read, and nobody has
 * digests who can.
 */
function agree(columns: Columns): boolean {
  const { codes, subjectRefs, tenantIds, receivedAt, identifiers, digestsOf, held } = columns
  for (let n = 0; n < tenantIds.length; n++) {
    const isNamed = tenantIds[n] !== null
    if (subjectRefs.isNull(n) === isNamed || (receivedAt[n] !== null) !== isNamed) return false
    if (isNamed && held.has(n)) return false
    const isReadable = codes[n] === null
    if (identifiers[n] !== identifiers[n + 1] && !(isNamed && isReadable)) return false
    if (digestsOf[n] !== digestsOf[n + 1] && !(isNamed && !isReadable)) return false
  }
  return true
}

/** Null where a column is missing, has something else in it, or has more or fewer entries than there are people. */
function columnsIn(packed: unknown): Columns | null {
  if (!isRecord(packed)) return null
  const { identifiers: known, digests: left } = packed
  const tombstoneIds = textsIn(packed['tombstoneIds'])
  if (!isRecord(known) || !isRecord(left) || tombstoneIds === null) return null
  const { size } = tombstoneIds
  const each = <T>(column: unknown, is: (value: unknown) => value is T): T[] | null => {
    const all = unpackRuns(column, is)
    return all?.length === size ? all : null
  }
  const requestIds = textsIn(packed['requestIds'], size)
  const mapVersions = each(packed['mapVersions'], isNumber)
  const held = placesIn(packed['held'], size)
  const ceilingWaived = placesIn(packed['ceilingWaived'], size)
  const codes = each(packed['codes'], isTextOrNull)
  const subjectRefs = TextColumn.from(packed['subjectRefs'])
  const tenantIds = each(packed['tenantIds'], isTextOrNull)
  const receivedAt = each(packed['receivedAt'], isNumberOrNull)
  const identifiers = beginsIn(each(known['counts'], isCount))
  const digestsOf = beginsIn(each(left['counts'], isCount))
  if (subjectRefs?.size !== size || identifiers === null || digestsOf === null) return null
  const types = unpackRuns(known['types'], isText)
  const values = textsIn(known['values'], identifiers[size])
  const digests = textsIn(left['values'], digestsOf[size])
  if (types === null || types.length !== identifiers[size] || values === null || digests === null) return null
  if (requestIds === null || mapVersions === null || held === null || ceilingWaived === null) return null
  if (codes === null || tenantIds === null || receivedAt === null) return null
  const people = { tombstoneIds, requestIds, mapVersions, held, ceilingWaived, codes }
  return { ...people, subjectRefs, tenantIds, receivedAt, types, values, identifiers, digests, digestsOf }
}

/** Of so many texts, none of them null. */
function textsIn(packed: unknown, size?: number): TextColumn | null {
  const column = TextColumn.from(packed)
  return column === null || column.hasNulls || column.size !== (size ?? column.size) ? null : column
}

function placesIn(places: unknown, size: number): Set<number> | null {
  const isPlace = (one: unknown) => isCount(one) && one < size
  return Array.isArray(places) && places.every(isPlace) ? new Set(places as number[]) : null
}

function beginsIn(counts: readonly number[] | null): Uint32Array | null {
  if (counts === null) return null
  const begins = new Uint32Array(counts.length + 1)
  for (let n = 0; n < counts.length; n++) begins[n + 1] = (begins[n] as number) + (counts[n] as number)
  return begins
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown): value is number => isNumber(value) && Number.isInteger(value) && value >= 0
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
const isNumberOrNull = (value: unknown): value is number | null => value === null || isNumber(value)
