import { describe, expect, it } from 'vitest'
import { newCanary, personOf } from './canary.js'
import { unpackedRecords } from './kafka-segments.js'
import { gzippedBatch } from './planted.js'
import { search } from './search.js'

const canary = newCanary()
const records = Buffer.from(`key value ${personOf(canary, 'ada').email} `.repeat(50))

describe('a segment', () => {
  it('is searched behind its compression too', () => {
    const file = Buffer.concat([gzippedBatch(Buffer.from('other')), gzippedBatch(records)])
    expect(search(file, canary)).toEqual([])
    const unpacked = unpackedRecords(file, 'a file')
    expect(unpacked).toHaveLength(2)
    expect(search(Buffer.concat(unpacked), canary)).not.toEqual([])
  })

  it('that can not be unpacked stops the scan instead of passing it', () => {
    const batch = gzippedBatch(records)
    batch.writeInt16BE(2, 21)
    expect(() => unpackedRecords(batch, 'a file')).toThrow(/codec 2/)
  })
})
