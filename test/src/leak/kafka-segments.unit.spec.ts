import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { search } from '@lethe/eraser-kit/conformance'
import { describe, expect, it } from 'vitest'
import { newCanary, personOf } from './canary.js'
import { unpackedRecords } from './kafka-segments.js'
import { packedBatch } from './planted.js'
import { XERIAL } from './unpack.js'

const require = createRequire(import.meta.url)
const snappy = require('snappyjs') as { compress(plain: Buffer): Buffer }
const lz4 = require('lz4js') as { compress(plain: Buffer): Uint8Array }

const canary = newCanary()
const records = Buffer.from(`key value ${personOf(canary, 'ada').email} `.repeat(50))

const length = (bytes: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeInt32BE(bytes.length)
  return head
}
const inXerial = (block: Buffer): Buffer =>
  Buffer.concat([XERIAL, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), length(block), block])

const packers: Record<string, readonly [number, (plain: Buffer) => Buffer]> = {
  gzip: [1, (bytes) => gzipSync(bytes)],
  'snappy, a bare block': [2, (bytes) => Buffer.from(snappy.compress(bytes))],
  'snappy, as Java frames it': [2, (bytes) => inXerial(Buffer.from(snappy.compress(bytes)))],
  lz4: [3, (bytes) => Buffer.from(lz4.compress(bytes))],
  zstd: [4, (bytes) => zstdCompressSync(bytes)],
}

describe('a segment', () => {
  it.each(Object.keys(packers))('is searched behind its compression too: %s', (name) => {
    const [codec, pack] = packers[name] as (typeof packers)[string]
    const file = Buffer.concat([
      packedBatch(codec, pack(Buffer.from('other'))),
      packedBatch(codec, pack(records)),
    ])
    const unpacked = unpackedRecords(file, 'a file')
    expect(unpacked).toHaveLength(2)
    expect(unpacked[1]?.equals(records)).toBe(true)
    expect(search(Buffer.concat(unpacked), canary)).not.toEqual([])
  })

  it('that can not be unpacked stops the scan instead of passing it', () => {
    expect(() => unpackedRecords(packedBatch(5, records), 'a file')).toThrow(/codec 5/)
    expect(() => unpackedRecords(packedBatch(4, records), 'a file')).toThrow()
  })
})
