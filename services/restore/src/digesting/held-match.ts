import { normaliseIdentifier } from '@lethe/domain'
import type { HeldIdentifiers, Identifier } from '@lethe/eraser-kit'
import { type DigestSet, digestBytes } from '../domain/digest-set.js'
import { recordsOf } from './held-records.js'
import { HmacLanes, LONGEST, ROOM } from './hmac-lanes.js'
import { type PlainForm, plainFormOf, WIDEST } from './plain-form.js'

/** An identifier of the store that has a digest which is looked for. */
export interface Match {
  readonly tenantId: string
  /** `<version of the pepper>.<base64url>` */
  readonly digest: string
  readonly identifier: Identifier
}

/** Who is looked for. */
export interface Sought {
  readonly set: DigestSet
  readonly peppers: readonly { readonly version: string; readonly secret: string }[]
  /** Whose digests these are; a row of nobody known may be of each. At most `MOST_TENANTS`. */
  readonly tenants: ReadonlySet<string>
}

export const MOST_TENANTS = 100

/** One identifier after the other, as the vault makes digests: what `HeldMatch` is held against. */
export function* matchesOneByOne(
  { set, peppers, tenants }: Sought,
  { type, records }: HeldIdentifiers,
): Generator<Match> {
  for (const { value, tenantId: said } of recordsOf(records)) {
    const normalised = normaliseIdentifier({ type, value })
    // What could not have been asked for is nobody's digest.
    if (!normalised.ok) continue
    for (const tenantId of said === null ? tenants : [said])
      for (const { version, secret } of tenants.has(tenantId) ? peppers : []) {
        const bytes = digestBytes(secret, tenantId, type, normalised.value)
        if (set.has(bytes)) yield matchOf(tenantId, version, bytes, { type, value: normalised.value })
      }
  }
}

const matchOf = (tenantId: string, version: string, digest: Buffer, identifier: Identifier): Match => ({
  tenantId,
  digest: `${version}.${digest.toString('base64url')}`,
  identifier,
})

/** What stands before a value in what is digested. */
interface Head {
  readonly tenantId: string
  readonly bytes: Buffer
}

/** Of one type of identifiers. */
interface Reading {
  readonly type: Identifier['type']
  readonly form: PlainForm
  readonly heads: readonly Head[]
}

interface Candidate {
  /** Where its value begins. */
  readonly at: number
  readonly head: Head
  readonly pepper: number
  readonly digest: Buffer
}

const [QUOTE, BRACKET] = [0x22, 0x5d]

/**
 * Finds whoever is looked for among what a store holds: the same as `matchesOneByOne`, at a tenth of its cost. Values
 * stay the bytes they came as, and become texts when their digest is one of those.
 */
export class HeldMatch {
  private readonly lanes: HmacLanes | null
  private readonly message = new Uint8Array(ROOM)
  /** Whose bytes the message begins with. */
  private begun: Head | null = null
  private readonly normal = new Uint8Array(WIDEST)
  private readonly readings = new Map<string, Reading>()
  private reading: Reading | null = null
  private candidates: Candidate[] = []

  constructor(private readonly sought: Sought) {
    const { set, peppers } = sought
    const secrets = peppers.map(({ secret }) => secret)
    const lanes = HmacLanes.open(secrets, (tag, pepper, lane, one, two) => {
      if (!set.hasWords(one, two)) return
      const head = this.reading?.heads[tag % MOST_TENANTS]
      const at = Math.floor(tag / MOST_TENANTS)
      if (head && lanes) this.candidates.push({ at, head, pepper, digest: lanes.digest(lane) })
    })
    this.lanes = lanes
  }

  matchesIn(page: HeldIdentifiers): Match[] {
    const { lanes, sought } = this
    if (lanes === null) return [...matchesOneByOne(sought, page)]
    const reading = this.readingOf(page.type)
    const matches: Match[] = []
    this.reading = reading
    this.goThrough(page.records, reading, lanes, matches)
    lanes.flush()
    const bytes = bufferOf(page.records)
    for (const { at, head, pepper, digest } of this.candidates) {
      const text = bytes.toString('utf8', at, at + bytes.readInt32BE(at - 4))
      const normalised = normaliseIdentifier({ type: page.type, value: text })
      const version = sought.peppers[pepper]?.version
      if (!normalised.ok || version === undefined) continue
      matches.push(matchOf(head.tenantId, version, digest, { type: page.type, value: normalised.value }))
    }
    this.candidates = []
    return matches
  }

  private goThrough(records: Uint8Array, reading: Reading, lanes: HmacLanes, matches: Match[]): void {
    const { heads, form } = reading
    const { normal } = this
    const bytes = bufferOf(records)
    let last: { readonly from: number; readonly to: number; readonly place: number } | null = null
    for (let at = 0; at < records.length; ) {
      const from = at + 4
      const to = from + lengthAt(records, at)
      const tenant = lengthAt(records, to)
      at = to + 4 + Math.max(0, tenant)
      let [first, behind] = [0, heads.length]
      if (tenant >= 0) {
        if (last === null || !isSame(records, last, to + 4, at))
          last = { from: to + 4, to: at, place: this.placeOf(reading, bytes.toString('utf8', to + 4, at)) }
        // Of somebody else's tenant.
        if (last.place < 0) continue
        ;[first, behind] = [last.place, last.place + 1]
      }
      let length = form(records, from, to, normal)
      if (length < 0) length = this.normalise(reading, bytes.toString('utf8', from, to))
      if (length < 0) continue
      for (let place = first; place < behind; place++) {
        const head = heads[place] as Head
        if (head.bytes.length + length + 2 <= LONGEST)
          this.add(lanes, head, length, from * MOST_TENANTS + place)
        else this.addLong(reading, head, length, matches)
      }
    }
  }

  private add(lanes: HmacLanes, head: Head, length: number, tag: number): void {
    const { message, normal } = this
    let to = head.bytes.length
    if (this.begun !== head) {
      message.set(head.bytes)
      this.begun = head
    }
    for (let n = 0; n < length; n++) message[to++] = normal[n] as number
    message[to++] = QUOTE
    message[to++] = BRACKET
    lanes.add(message, to, tag, head)
  }

  /** Too long for the lanes. */
  private addLong({ type }: Reading, { tenantId }: Head, length: number, matches: Match[]): void {
    const value = bufferOf(this.normal).toString('utf8', 0, length)
    for (const { version, secret } of this.sought.peppers) {
      const bytes = digestBytes(secret, tenantId, type, value)
      if (this.sought.set.has(bytes)) matches.push(matchOf(tenantId, version, bytes, { type, value }))
    }
  }

  /** Bytes of the normal form; -1 for what could not have been asked for, which is nobody's digest. */
  private normalise({ type }: Reading, value: string): number {
    const normalised = normaliseIdentifier({ type, value })
    return normalised.ok ? bufferOf(this.normal).write(normalised.value) : -1
  }

  private readingOf(type: Identifier['type']): Reading {
    const known = this.readings.get(type)
    if (known) return known
    const heads = [...this.sought.tenants].map((tenantId) => ({
      tenantId,
      bytes: Buffer.from(`${JSON.stringify([tenantId, type]).slice(0, -1)},"`),
    }))
    const reading = { type, form: plainFormOf(type), heads }
    this.readings.set(type, reading)
    return reading
  }

  private placeOf({ heads }: Reading, tenantId: string): number {
    return heads.findIndex((head) => head.tenantId === tenantId)
  }
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number)

function isSame(
  bytes: Uint8Array,
  known: { readonly from: number; readonly to: number },
  from: number,
  to: number,
): boolean {
  if (to - from !== known.to - known.from) return false
  for (let n = 0; n < to - from; n++) if (bytes[from + n] !== bytes[known.from + n]) return false
  return true
}
