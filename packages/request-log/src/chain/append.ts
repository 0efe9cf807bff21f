import type { PoolClient } from 'pg'
import { OffsetConflict } from '../inbox/offsets.js'
import { type ChainLink, checkpointMac, GENESIS, hashAfter, liveOf, liveSum } from './link.js'

/** A checkpoint is written whenever a partition has got this many records more. */
export const CHECKPOINT_EVERY = 1_000

export interface ChainHead {
  readonly partition: number
  /** The first offset not yet in the chain. */
  readonly nextOffset: number
  readonly records: number
  readonly hash: Buffer
  readonly live: Buffer
}

/** What of a record the fold already knows, so that it can be told whether it is new. */
interface Latest {
  readonly sequence: number
  readonly content: Buffer
}

/**
 * Appends records of one partition, in the topic's order, in the caller's transaction, and moves the head from
 * `from` to `next`. One partition has one reader, so nobody waits here; no writer of the log comes near it.
 *
 * @throws OffsetConflict when another process has moved the head
 */
export async function appendToChain(
  client: PoolClient,
  secret: string,
  batch: { readonly partition: number; readonly from: number; readonly next: number },
  links: readonly ChainLink[],
  now: number,
): Promise<ChainHead> {
  const { partition, from, next } = batch
  const head = await headOf(client, partition)
  if (head.nextOffset !== from) throw new OffsetConflict('erasure.tombstones', partition, from)
  const latest = await latestOf(client, links)
  let { hash, live } = head
  const hashes: Buffer[] = []
  for (const link of links) {
    hash = hashAfter(hash, link)
    hashes.push(hash)
    const known = latest.get(link.tombstoneId)
    if (known !== undefined && known.sequence >= link.sequence) continue
    const before = known === undefined ? 0n : liveOf(secret, { tombstoneId: link.tombstoneId, ...known })
    live = liveSum(live, liveOf(secret, link), before)
    latest.set(link.tombstoneId, link)
  }
  const after: ChainHead = { partition, nextOffset: next, records: head.records + links.length, hash, live }
  await insertLinks(client, links, hashes)
  await moveHead(client, after)
  if (passesCheckpoint(head.records, after.records))
    await writeCheckpoint(client, secret, { ...after, offset: links.at(-1)?.offset ?? from }, now)
  return after
}

export async function writeCheckpoint(
  client: PoolClient,
  secret: string,
  at: {
    readonly partition: number
    readonly offset: number
    readonly records: number
    readonly hash: Buffer
  },
  now: number,
): Promise<void> {
  await client.query(
    `INSERT INTO restore.checkpoints (partition, "offset", records, hash, at, mac) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (partition, "offset") DO NOTHING`,
    [at.partition, at.offset, at.records, at.hash, now, checkpointMac(secret, at)],
  )
}

const passesCheckpoint = (before: number, after: number): boolean =>
  Math.floor(after / CHECKPOINT_EVERY) > Math.floor(before / CHECKPOINT_EVERY)

async function headOf(client: PoolClient, partition: number): Promise<ChainHead> {
  const { rows } = await client.query<{ next_offset: string; records: string; hash: Buffer; live: Buffer }>(
    'SELECT next_offset, records, hash, live FROM restore.chain_heads WHERE partition = $1 FOR UPDATE',
    [partition],
  )
  const row = rows[0]
  if (row === undefined) return { partition, nextOffset: 0, records: 0, hash: GENESIS, live: GENESIS }
  return { ...row, partition, nextOffset: Number(row.next_offset), records: Number(row.records) }
}

async function latestOf(client: PoolClient, links: readonly ChainLink[]): Promise<Map<string, Latest>> {
  if (links.length === 0) return new Map()
  const { rows } = await client.query<{ tombstone_id: string; sequence: string; content: Buffer }>({
    name: 'chain-latest',
    text: `SELECT DISTINCT ON (tombstone_id) tombstone_id, sequence, content FROM restore.chain
           WHERE tombstone_id = ANY($1::text[]) AND partition = $2 ORDER BY tombstone_id, sequence DESC, "offset"`,
    values: [[...new Set(links.map(({ tombstoneId }) => tombstoneId))], links[0]?.partition],
  })
  return new Map(
    rows.map((row) => [row.tombstone_id, { sequence: Number(row.sequence), content: row.content }]),
  )
}

async function insertLinks(
  client: PoolClient,
  links: readonly ChainLink[],
  hashes: readonly Buffer[],
): Promise<void> {
  if (links.length === 0) return
  await client.query({
    name: 'chain-append',
    text: `INSERT INTO restore.chain (partition, "offset", tombstone_id, sequence, content, collected, hash)
           SELECT $1, row.* FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::boolean[], $7::bytea[]) AS row`,
    values: [
      links[0]?.partition,
      links.map(({ offset }) => offset),
      links.map(({ tombstoneId }) => tombstoneId),
      links.map(({ sequence }) => sequence),
      links.map(({ content }) => content),
      links.map(({ collected }) => collected),
      hashes,
    ],
  })
}

async function moveHead(client: PoolClient, head: ChainHead): Promise<void> {
  await client.query({
    name: 'chain-head',
    text: `INSERT INTO restore.chain_heads (partition, next_offset, records, hash, live) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset, records = excluded.records,
             hash = excluded.hash, live = excluded.live`,
    values: [head.partition, head.nextOffset, head.records, head.hash, head.live],
  })
}
