import { createRequire } from 'node:module'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

interface Snappy {
  uncompress(packed: Buffer): Buffer
}
interface Lz4 {
  decompress(packed: Buffer): Uint8Array
}
const require = createRequire(import.meta.url)
const snappy = require('snappyjs') as Snappy
const lz4 = require('lz4js') as Lz4

/** How Java's snappy streams begin; Kafka's own clients write them so, others a bare block. */
export const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
/** Magic and two version numbers. */
const XERIAL_HEADER = 16

/** The records of a batch by the codec its attributes name: 1 gzip, 2 snappy, 3 lz4, 4 zstd. Null for others. */
export function unpack(codec: number, packed: Buffer): Buffer | null {
  if (codec === 1) return gunzipSync(packed)
  if (codec === 2) return snappyBlocks(packed)
  if (codec === 3) return Buffer.from(lz4.decompress(packed))
  if (codec === 4) return zstdDecompressSync(packed)
  return null
}

function snappyBlocks(packed: Buffer): Buffer {
  if (!packed.subarray(0, XERIAL.length).equals(XERIAL)) return snappy.uncompress(packed)
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEADER; at < packed.length; ) {
    const length = packed.readInt32BE(at)
    blocks.push(snappy.uncompress(packed.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  return Buffer.concat(blocks)
}
