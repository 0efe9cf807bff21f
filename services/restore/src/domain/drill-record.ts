import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { DrillEvidence } from './drill.js'

/** What keeps a drill's evidence from being changed, dropped or put elsewhere unnoticed. */
export interface DrillSeal {
  /** Hash of the drill of that system that ended before; null for the first. */
  readonly prevHash: string | null
  /** SHA-256, hexadecimal, over `prevHash` and the evidence. */
  readonly hash: string
  /** HMAC of the hash under a key that is not in the database. */
  readonly mac: string
}

export function sealed(evidence: DrillEvidence, prevHash: string | null, secret: string): DrillSeal {
  const hash = createHash('sha256')
    .update(`${prevHash ?? ''}\n${canonical(evidence)}`)
    .digest('hex')
  return { prevHash, hash, mac: macOf(hash, secret) }
}

/** Whether the evidence is what was sealed. */
export function isIntact(evidence: DrillEvidence, seal: DrillSeal, secret: string): boolean {
  const expected = sealed(evidence, seal.prevHash, secret)
  const [given, wanted] = [Buffer.from(seal.mac), Buffer.from(expected.mac)]
  return seal.hash === expected.hash && given.length === wanted.length && timingSafeEqual(given, wanted)
}

const macOf = (hash: string, secret: string): string =>
  createHmac('sha256', secret).update(`lethe.drill|${hash}`).digest('base64url')

/** One text for one value, whatever order its keys came in: the database keeps none. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}
