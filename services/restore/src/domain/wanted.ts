import type { TextColumn } from '@lethe/domain'
import { bytesOf, DigestSet, versionOf } from './digest-set.js'

/** Of base64url, for the 64 bits that are compared. */
const DIGITS = 11
type Eleven = readonly [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
]
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const SIX_BITS = new Int8Array(128).fill(-1)
for (let digit = 0; digit < 64; digit++) SIX_BITS[ALPHABET.charCodeAt(digit)] = digit

/** A tombstone whose identifiers can't be read any more. */
interface Unreadable {
  readonly mapVersion: number
  readonly digested?: { readonly tenantId: string; readonly digests: readonly string[] } | undefined
}

/** Tombstones whose identifiers can't be read any more, in columns. */
export interface LeftColumns {
  readonly mapVersions: readonly number[]
  /** Null where nobody is named. */
  readonly tenantIds: readonly (string | null)[]
  /** Where the digests of each begin among all of them, and where those of the last one end. */
  readonly begins: ArrayLike<number>
  readonly digests: TextColumn
}

/** People who are looked for by their digests, in 16 bytes each. */
export class Wanted {
  readonly set = new DigestSet()
  readonly tenants = new Set<string>()
  /** Of the data map. */
  readonly versions = new Set<number>()
  /** How many have digests under which peppers, by the versions of those. */
  private readonly under = new Map<string, number>()
  private readonly digits = new Int8Array(DIGITS)

  add({ digested, mapVersion }: Unreadable): void {
    // Nearly everybody has one digest, or several under one pepper: a text costs less than a set of them.
    let peppers = ''
    for (const digest of digested?.digests ?? []) {
      const bytes = bytesOf(digest)
      if (bytes === null) continue
      this.set.add(bytes)
      const version = versionOf(digest)
      if (peppers === '') peppers = version
      else if (!peppers.split(' ').includes(version)) peppers += ` ${version}`
    }
    this.under.set(peppers, (this.under.get(peppers) ?? 0) + 1)
    if (digested === undefined || peppers === '') return
    this.tenants.add(digested.tenantId)
    this.versions.add(mapVersion)
  }

  /** The same of many, of whom no text is made. */
  addAll({ mapVersions, tenantIds, begins, digests }: LeftColumns): void {
    let pepper = ''
    for (let n = 0; n < mapVersions.length; n++) {
      const [from, to] = [begins[n] as number, begins[n + 1] as number]
      const tenantId = tenantIds[n] as string | null
      const at = to - from === 1 ? digests.beginOf(from) : -1
      if (tenantId !== null && at >= 0 && !digests.hasAt(at, `${pepper}.`))
        pepper = versionOf(digests.at(from))
      const size = at < 0 ? 0 : digests.beginOf(from + 1) - at
      if (tenantId === null || at < 0 || !this.addAt(digests, at + pepper.length + 1, at + size)) {
        const digested = tenantId === null ? undefined : { tenantId, digests: digests.slice(from, to) }
        this.add({ mapVersion: mapVersions[n] as number, digested })
        continue
      }
      this.under.set(pepper, (this.under.get(pepper) ?? 0) + 1)
      this.tenants.add(tenantId)
      this.versions.add(mapVersions[n] as number)
    }
  }

  /** The first 64 bits of base64url; false of what is not so long, or no such text. */
  private addAt(digests: TextColumn, from: number, end: number): boolean {
    if (end - from < DIGITS) return false
    const digits = this.digits
    let all = 0
    for (let n = 0; n < DIGITS; n++) {
      const digit = SIX_BITS[digests.codeAt(from + n)] ?? -1
      digits[n] = digit
      all |= digit
    }
    if (all < 0) return false
    const [a, b, c, d, e, f, g, h, i, j, k] = digits as unknown as Eleven
    const one = (a << 26) | (b << 20) | (c << 14) | (d << 8) | (e << 2) | (f >> 4)
    const two = ((f & 15) << 28) | (g << 22) | (h << 16) | (i << 10) | (j << 4) | (k >> 2)
    this.set.addWords(one >>> 0, two >>> 0)
    return true
  }

  /** Who can be found with these peppers; of the others nothing is left that could be matched. */
  counts(peppers: readonly { readonly version: string }[]): {
    readonly sought: number
    readonly lost: number
  } {
    let [sought, lost] = [0, 0]
    for (const [key, many] of this.under) {
      const versions = key.split(' ')
      if (peppers.some(({ version }) => versions.includes(version))) sought += many
      else lost += many
    }
    return { sought, lost }
  }
}
