import type { Outcome } from '@lethe/eraser-kit'

/** What requests came to, by the outcome they share: most people of a batch come to the same. */
export type Groups = ReadonlyMap<Outcome, readonly string[]>

/** Of an id, from its end, where ids differ. */
const HASHED = 20

/**
 * What the requests of a receipt came to. Thousands are asked about who are not among them: that is told by a hash of each,
 * and a map is made when somebody may be.
 */
export class ToldRequests {
  private readonly hashes: Uint32Array
  private byRequest: ReadonlyMap<string, Outcome> | null = null

  constructor(readonly groups: Groups) {
    let size = 0
    for (const requests of groups.values()) size += requests.length
    this.hashes = new Uint32Array(2 ** Math.ceil(Math.log2(2 * size + 2)))
    for (const requests of groups.values())
      for (const requestId of requests) {
        const hash = hashOf(requestId)
        this.hashes[this.find(hash)] = hash
      }
  }

  /** @param hash of the request, for whoever asks several */
  get(requestId: string, hash = hashOf(requestId)): Outcome | undefined {
    if (this.hashes[this.find(hash)] === 0) return undefined
    this.byRequest ??= outcomesIn(this.groups)
    return this.byRequest.get(requestId)
  }

  /** Where a hash stands, or the free place where it would. */
  private find(hash: number): number {
    const mask = this.hashes.length - 1
    let at = hash & mask
    while (this.hashes[at] !== 0 && this.hashes[at] !== hash) at = (at + 1) & mask
    return at
  }
}

export function outcomesIn(groups: Groups): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>()
  for (const [outcome, requests] of groups) for (const requestId of requests) outcomes.set(requestId, outcome)
  return outcomes
}

/** FNV-1a; never 0, which is a free place. */
export function hashOf(requestId: string): number {
  let hash = 0x811c9dc5
  for (let at = Math.max(0, requestId.length - HASHED); at < requestId.length; at++)
    hash = Math.imul(hash ^ requestId.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0 || 1
}
