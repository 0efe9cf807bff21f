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
        if (set.has(bytes)) yield matchOf(tenantId, version, bytes, 0, { type, value: normalised.value })
      }
  }
}

/** @param at where the digest stands in `digests` */
const matchOf = (
  tenantId: string,
  version: string,
  digests: Buffer,
  at: number,
  identifier: Identifier,
): Match => ({
  tenantId,
  digest: `${version}.${digests.toString('base64url', at, at + DIGEST)}`,
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

/** Values of a page that have a digest which is looked for; numbers alone, so that a thread can tell another. */
export interface Candidates {
  /** Where in the records each value begins. */
  readonly at: Float64Array<ArrayBuffer>
  /** Of the tenants that are looked for, in their order. */
  readonly tenants: Uint8Array<ArrayBuffer>
  /** By place among those that are known, of which there may be hundreds. */
  readonly peppers: Uint32Array<ArrayBuffer>
  /** 32 bytes each. */
  readonly digests: Uint8Array<ArrayBuffer>
}

interface Candidate {
  readonly at: number
  readonly tenant: number
  readonly pepper: number
  readonly digest: Buffer
}

const [QUOTE, BRACKET] = [0x22, 0x5d]

/** What stands behind candidates. Of a value that is not as it was digested nobody is told. */
export function matchesOf(
  { tenants, peppers }: Pick<Sought, 'tenants' | 'peppers'>,
  { type, records }: HeldIdentifiers,
  found: Candidates,
): Match[] {
  const names = [...tenants]
  const bytes = bufferOf(records)
  const digests = bufferOf(found.digests)
  const matches: Match[] = []
  for (let n = 0; n < found.at.length; n++) {
    const at = found.at[n] as number
    const value = bytes.toString('utf8', at, at + bytes.readInt32BE(at - 4))
    const normalised = normaliseIdentifier({ type, value })
    const tenantId = names[found.tenants[n] as number]
    const version = peppers[found.peppers[n] as number]?.version
    if (!normalised.ok || tenantId === undefined || version === undefined) continue
    matches.push(matchOf(tenantId, version, digests, n * DIGEST, { type, value: normalised.value }))
  }
  return matches
}

/** Bytes of a digest. */
const DIGEST = 32

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
  private candidates: Candidate[] = []

  constructor(private readonly sought: Sought) {
    const { set, peppers } = sought
    const secrets = peppers.map(({ secret }) => secret)
    const lanes = HmacLanes.open(secrets, (tag, pepper, lane, one, two) => {
      if (!set.hasWords(one, two) || !lanes) return
      const [tenant, at] = [tag % MOST_TENANTS, Math.floor(tag / MOST_TENANTS)]
      this.candidates.push({ at, tenant, pepper, digest: lanes.digest(lane) })
    })
    this.lanes = lanes
  }

  matchesIn(page: HeldIdentifiers): Match[] {
    const found = this.candidatesIn(page)
    return found === null ? [...matchesOneByOne(this.sought, page)] : matchesOf(this.sought, page, found)
  }

  /** Null where this processor has no vectors: then they have to be looked for one by one. */
  candidatesIn({ type, records }: HeldIdentifiers): Candidates | null {
    const { lanes } = this
    if (lanes === null) return null
    this.goThrough(records, this.readingOf(type), lanes)
    lanes.flush()
    const { candidates } = this
    this.candidates = []
    const digests = new Uint8Array(candidates.length * DIGEST)
    for (const [n, { digest }] of candidates.entries()) digests.set(digest, n * DIGEST)
    return {
      at: Float64Array.from(candidates, ({ at }) => at),
      tenants: Uint8Array.from(candidates, ({ tenant }) => tenant),
      peppers: Uint32Array.from(candidates, ({ pepper }) => pepper),
      digests,
    }
  }

  private goThrough(records: Uint8Array, reading: Reading, lanes: HmacLanes): void {
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
        else this.addLong(reading, head, length, from, place)
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
  private addLong({ type }: Reading, { tenantId }: Head, length: number, at: number, tenant: number): void {
    const value = bufferOf(this.normal).toString('utf8', 0, length)
    for (const [pepper, { secret }] of this.sought.peppers.entries()) {
      const digest = digestBytes(secret, tenantId, type, value)
      if (this.sought.set.has(digest)) this.candidates.push({ at, tenant, pepper, digest })
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
