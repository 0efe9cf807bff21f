import { createHmac } from 'node:crypto'

/** Of the 32 bytes of a digest, those that are compared; whoever has the rest decides. */
const PREFIX = 8
/** Slots for each 32 bits of the filter. */
const SLOTS_PER_WORD = 8

/** Memory that threads share. */
export interface SetParts {
  readonly slots: Uint32Array<SharedArrayBuffer>
  readonly filter: Uint32Array<SharedArrayBuffer>
  readonly size: number
}

const shared = (words: number) => new Uint32Array(new SharedArrayBuffer(4 * words))

/**
 * Digests in 16 bytes each, however many: the first eight bytes of each, by open addressing. May say yes to one that
 * was not added (one in 10^19 for each that was), never no to one that was.
 */
export class DigestSet {
  private slots = shared(2 * 1_024)
  /** Bits by the second word, eight or more for each digest: small enough to stay near the processor, it says no of most. */
  private filter = shared(1_024 / SLOTS_PER_WORD)
  size = 0

  /** For another thread, which sees what is there and adds nothing; nothing may be added here from then on. */
  get parts(): SetParts {
    return { slots: this.slots, filter: this.filter, size: this.size }
  }

  static over(parts: SetParts): DigestSet {
    return Object.assign(new DigestSet(), parts)
  }

  add(digest: Buffer): void {
    this.addWords(digest.readUInt32BE(0), digest.readUInt32BE(4))
  }

  /** The same of the first two words, big-endian. @returns whether it was not there yet */
  addWords(one: number, two: number): boolean {
    if (2 * (this.size + 1) > this.slots.length / 2) this.grow()
    const before = this.size
    this.put(one, two || 1)
    return this.size > before
  }

  has(digest: Buffer): boolean {
    return this.hasWords(digest.readUInt32BE(0), digest.readUInt32BE(4))
  }

  /** The same of the first two words, big-endian. */
  hasWords(one: number, two: number): boolean {
    const word = two || 1
    if (((this.filter[this.filterAt(word)] as number) & (1 << word)) === 0) return false
    return this.slots[this.find(one, word) + 1] !== 0
  }

  private filterAt(two: number): number {
    return (two >>> 5) & (this.filter.length - 1)
  }

  /** Where it stands, or the free place where it would. The second word is never 0 where something stands. */
  private find(one: number, two: number): number {
    const mask = this.slots.length / 2 - 1
    for (let at = one & mask; ; at = (at + 1) & mask) {
      const found = this.slots[2 * at + 1]
      if (found === 0 || (found === two && this.slots[2 * at] === one)) return 2 * at
    }
  }

  private put(one: number, two: number): void {
    const at = this.find(one, two)
    if (this.slots[at + 1] !== 0) return
    this.slots[at] = one
    this.slots[at + 1] = two
    const place = this.filterAt(two)
    this.filter[place] = (this.filter[place] as number) | (1 << two)
    this.size++
  }

  private grow(): void {
    const before = this.slots
    this.slots = shared(before.length * 2)
    this.filter = shared(before.length / SLOTS_PER_WORD)
    this.size = 0
    for (let at = 0; at < before.length; at += 2)
      if (before[at + 1] !== 0) this.put(before[at] ?? 0, before[at + 1] ?? 0)
  }
}

/** The bytes of `<version>.<base64url>`; null for what is no digest. */
export function bytesOf(digest: string): Buffer | null {
  const bytes = Buffer.from(digest.slice(digest.indexOf('.') + 1), 'base64url')
  return bytes.length >= PREFIX ? bytes : null
}

export const versionOf = (digest: string): string => digest.slice(0, digest.indexOf('.'))

/** As the vault makes them: HMAC-SHA256 over tenant, type and normalised value. */
export const digestBytes = (secret: string, tenantId: string, type: string, value: string): Buffer =>
  createHmac('sha256', secret)
    .update(JSON.stringify([tenantId, type, value]))
    .digest()
