import type { HeldIdentifiers } from '@lethe/eraser-kit'
import { RetryableError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { DigestSet, digestBytes } from '../domain/digest-set.js'
import { matchesOneByOne, type Sought } from './held-match.js'
import { MatchThread } from './match-thread.js'
import { Matching } from './matching.js'

const peppers = [
  { version: 'v1', secret: 'a pepper of sixteen' },
  { version: 'v2', secret: 'another of sixteen' },
]
const set = new DigestSet()
for (let n = 0; n < 3_000; n += 7)
  set.add(digestBytes(peppers[n % 2]?.secret ?? '', n % 3 ? 'shop' : 'acme', 'user_id', `u${n}`))
set.add(digestBytes('a pepper of sixteen', 'shop', 'user_id', 'x'.repeat(200)))
const sought: Sought = { set, peppers, tenants: new Set(['shop', 'acme']) }

/** As rows come from a store: each value, and nobody's tenant. */
function page(from: number, to: number): HeldIdentifiers {
  const values = Array.from({ length: to - from }, (_, n) => `u${from + n}`)
  const parts = [...values, 'x'.repeat(200), 'no id of anybody, ü'].flatMap((value) => {
    const bytes = Buffer.from(value)
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length)
    return [length, bytes, Buffer.from([0xff, 0xff, 0xff, 0xff])]
  })
  return { type: 'user_id', records: new Uint8Array(Buffer.concat(parts)) }
}

/** As it is built: a thread reads no sources. */
const program = new URL('../../dist/digesting/match-worker.js', import.meta.url)

describe('identifiers of a large store', () => {
  it('are matched in a thread of their own from some place on, as here', async () => {
    let started = 0
    const start = () => {
      started++
      return new MatchThread(sought, program)
    }
    const matching = new Matching(sought, start, 20_000)
    const told: unknown[] = []
    for (let from = 0; from < 3_000; from += 500) {
      const right = [...matchesOneByOne(sought, page(from, from + 500))]
      expect(right.length).toBeGreaterThan(50)
      const matches = await matching.matchesIn(page(from, from + 500))
      const sorted = (some: typeof right) => some.map((one) => JSON.stringify(one)).sort()
      expect(sorted(matches)).toEqual(sorted(right))
      told.push(started)
    }
    expect([told[0], told.at(-1)]).toEqual([0, 1])
    await matching.close()
  })

  it('are tried again when the thread ends, before a page or under way', async () => {
    const ending = new MatchThread(sought, new URL('data:text/javascript,process.exit()'))
    await expect(ending.matchesIn(page(0, 5))).rejects.toBeInstanceOf(RetryableError)
    await expect(ending.matchesIn(page(0, 5))).rejects.toMatchObject({ code: 'matching_ended' })
    const broken = new MatchThread(sought, new URL('data:text/javascript,throw new Error("broken")'))
    await expect(broken.matchesIn(page(0, 5))).rejects.toMatchObject({ code: 'matching_ended' })
  })

  it('are copied where they stand in memory of others', async () => {
    const thread = new MatchThread(sought, program)
    const { type, records } = page(0, 50)
    const others = new Uint8Array(records.length + 8)
    others.set(records, 8)
    const shared = Buffer.from(records)
    for (const part of [
      others.subarray(8),
      new Uint8Array(shared.buffer, shared.byteOffset, shared.length),
    ]) {
      expect((await thread.matchesIn({ type, records: part })).length).toBeGreaterThan(5)
      expect([...part]).toEqual([...records])
    }
    await thread.close()
  })

  it('need no thread where the store is small', async () => {
    const matching = new Matching(sought, () => expect.unreachable())
    expect((await matching.matchesIn(page(0, 500))).length).toBeGreaterThan(50)
    await matching.close()
  })
})
