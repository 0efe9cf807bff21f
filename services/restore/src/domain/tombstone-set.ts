import { DigestSet } from './digest-set.js'

/**
 * Tombstones in 16 bytes each, however many: 64 bits of a hash of each id. It may have one that was not added: among a
 * million with a chance of one in 30 million, and nobody chooses ids so that it does, because Lethe makes them. Only counts
 * may rest on it.
 */
export class TombstoneSet {
  private readonly set = new DigestSet()

  get size(): number {
    return this.set.size
  }

  /** @returns whether it was not there yet */
  add(tombstoneId: string): boolean {
    const [one, two] = wordsOf(tombstoneId)
    return this.set.addWords(one, two)
  }

  has(tombstoneId: string): boolean {
    const [one, two] = wordsOf(tombstoneId)
    return this.set.hasWords(one, two)
  }
}

/**
 * Two lanes of 32 bits, after cyrb53 by bryc (public domain), with a rotation that brings high bits back to the low ones. All of
 * an id is hashed: ids made in one millisecond begin alike. A cryptographic hash takes several times as long.
 */
function wordsOf(text: string): readonly [number, number] {
  let one = 0xdeadbeef
  let two = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 2_654_435_761)
    one = (one << 13) | (one >>> 19)
    two = Math.imul(two ^ code, 1_597_334_677)
    two = (two << 15) | (two >>> 17)
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(two ^ (two >>> 13), 3_266_489_909)
  two = Math.imul(two ^ (two >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909)
  return [one >>> 0, two >>> 0]
}
