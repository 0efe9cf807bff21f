import { createHash, createHmac } from 'node:crypto'

/** What the topic and the projection both know of a tombstone. Times are epoch milliseconds. */
export interface TombstoneContent {
  readonly tombstoneId: string
  readonly sequence: number
  readonly tenantId: string
  readonly requestId: string
  readonly systemId: string
  readonly mapVersion: number
  readonly effectiveAt: number
  readonly expiresAt: number
  readonly recurEvery: string | null
  readonly heldUntil: number | null
}

/** One record of `erasure.tombstones` as the chain keeps it. */
export interface ChainLink {
  readonly partition: number
  readonly offset: number
  readonly tombstoneId: string
  readonly sequence: number
  /** 32 bytes, see `contentOf`. */
  readonly content: Buffer
  /** The record has no selectors any more. */
  readonly collected: boolean
}

/** Before the first record of a partition. */
export const GENESIS: Buffer = Buffer.alloc(32)

/**
 * The epoch is left out: a record carries that of the bytes it was sealed with, which may be younger than the
 * projection's. Whether those bytes belong to the tombstone the vault's own seal says.
 */
export function contentOf(tombstone: TombstoneContent): Buffer {
  const { tombstoneId, sequence, tenantId, requestId, systemId, mapVersion } = tombstone
  const { effectiveAt, expiresAt, recurEvery, heldUntil } = tombstone
  const fields = [tombstoneId, sequence, tenantId, requestId, systemId, mapVersion]
  return sha256(JSON.stringify([...fields, effectiveAt, expiresAt, recurEvery, heldUntil]))
}

/** The chain's hash after a record, from the one before it. */
export function hashAfter(before: Buffer, link: ChainLink): Buffer {
  const { partition, offset, tombstoneId, sequence, content, collected } = link
  const head = JSON.stringify(['lethe.chain.1', partition, offset, tombstoneId, sequence, collected])
  return createHash('sha256').update(before).update(content).update(head).digest()
}

/**
 * A tombstone's part of the keyed sum over the latest record of each. Compaction keeps exactly those records, so the
 * sum can be made again from what is left on the topic; without the key nobody finds other records with the same sum.
 */
export function liveOf(
  secret: string,
  link: Pick<ChainLink, 'tombstoneId' | 'sequence' | 'content'>,
): bigint {
  const text = JSON.stringify(['lethe.live.1', link.tombstoneId, link.sequence, link.content.toString('hex')])
  return BigInt(`0x${createHmac('sha256', secret).update(text).digest('hex')}`)
}

const SUMS = 1n << 256n

/** `sum` with `added` in the place of `removed`. */
export function liveSum(sum: Buffer, added: bigint, removed: bigint): Buffer {
  const next = (BigInt(`0x${sum.toString('hex')}`) + added - removed + SUMS) % SUMS
  return Buffer.from(next.toString(16).padStart(64, '0'), 'hex')
}

/** Signs a checkpoint, or whatever else stands for the chain at one place. */
export function checkpointMac(
  secret: string,
  at: {
    readonly partition: number
    readonly offset: number
    readonly records: number
    readonly hash: Buffer
  },
): Buffer {
  const { partition, offset, records, hash } = at
  const text = JSON.stringify(['lethe.checkpoint.1', partition, offset, records, hash.toString('hex')])
  return createHmac('sha256', secret).update(text).digest()
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
