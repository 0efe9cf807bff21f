import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { unpack } from './unpack.js'

/** Bytes of a record batch (magic 2) before its records. */
const HEADER = 61
const ATTRIBUTES = 21
const MAGIC = 16
/** Offset and length, which the length does not count. */
const PREAMBLE = 12

export interface Segment {
  readonly file: string
  /** The file, and beside it the records of its compressed batches, unpacked. */
  readonly bytes: Buffer
  readonly compressedBatches: number
}

/**
 * Every segment of the topics in a broker's data folder, read from the files: keys, headers, values and
 * whatever a consumer would skip. Throws for a batch it can't unpack, so that nothing passes unread. Segments not written to since
 * `sinceMs` are left out.
 */
export function segments(dataFolder: string, sinceMs = 0): Segment[] {
  return readdirSync(dataFolder)
    .filter((name) => /-\d+$/.test(name) && statSync(join(dataFolder, name)).isDirectory())
    .flatMap((topic) =>
      readdirSync(join(dataFolder, topic))
        .filter((name) => name.endsWith('.log'))
        .filter((name) => statSync(join(dataFolder, topic, name)).mtimeMs >= sinceMs)
        .map((name) => segment(`${topic}/${name}`, readFileSync(join(dataFolder, topic, name)))),
    )
}

function segment(file: string, raw: Buffer): Segment {
  const unpacked = unpackedRecords(raw, file)
  return { file, bytes: Buffer.concat([raw, ...unpacked]), compressedBatches: unpacked.length }
}

/** The records of every compressed batch; the others can be read as they lie. */
export function unpackedRecords(raw: Buffer, file: string): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at + HEADER <= raw.length; ) {
    const length = raw.readInt32BE(at + 8)
    // Preallocated space at the end of an active segment is zeroes.
    if (length <= 0) break
    const end = at + PREAMBLE + length
    // The broker was writing when the file was read; what comes later is not part of this scan.
    if (end > raw.length) break
    if (raw.readInt8(at + MAGIC) !== 2) throw new Error(`${file} holds a batch of another format at ${at}`)
    const codec = raw.readInt16BE(at + ATTRIBUTES) & 7
    const records = raw.subarray(at + HEADER, end)
    const unpacked = codec === 0 ? null : unpack(codec, records)
    if (unpacked) found.push(unpacked)
    else if (codec !== 0) throw new Error(`${file} is packed with codec ${codec}, which this scan can't read`)
    at = end
  }
  return found
}
