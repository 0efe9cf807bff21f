import { hash } from 'node:crypto'

/** As many bits as a number of JavaScript holds exactly. */
const BITS = 52

/**
 * Systems as bits, two for each: whoever has a system has its bits. So an index can say of most requests that they do
 * not have it; those left may have others with the same bits, and are looked up. Migration 0023 does the same in SQL:
 * where this changes, the column has to be made again.
 */
export function marksOf(systemIds: readonly string[]): number {
  const bits = new Set(systemIds.flatMap(bitsOf))
  return [...bits].reduce((sum, bit) => sum + 2 ** bit, 0)
}

function bitsOf(systemId: string): [number, number] {
  const digest = hash('sha256', systemId, 'buffer')
  return [digest.readUInt16BE(0) % BITS, digest.readUInt16BE(2) % BITS]
}
