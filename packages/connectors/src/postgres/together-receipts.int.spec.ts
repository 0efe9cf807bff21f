import type { Outcome } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase } from './fresh-database.spec.js'
import { TogetherReceipts } from './together-receipts.js'

const PASS = 'shop-pg#restore/restore-1.1.1'
const erased: Outcome = { outcome: 'erased', counts: {}, position: '0/1' }

describe('receipts of batches', () => {
  let database: FreshDatabase
  beforeEach(async () => {
    database = await freshDatabase('')
  })
  afterEach(() => database.close())

  const db = () => database.owner as unknown as ClientBase
  /** What is asked of it is answered, and `then` done before the answer is looked at. */
  const answering = (then: () => void) =>
    ({
      query: async (text: string, values: unknown[]) => {
        const answer = await database.owner.query(text, values)
        then()
        return answer
      },
    }) as unknown as ClientBase

  test('of this process are its own, also when another batch has just read them as something new', async () => {
    const receipts = new TogetherReceipts()
    const before = await receipts.read(db(), PASS, 0)
    const told = ['a', 'b'].map(() => erased)
    const written = await receipts.write(db(), {
      ...{ before, requests: ['a', 'b'], told },
      deadline: Date.now() + 60_000,
    })
    const other = await receipts.read(
      answering(() => receipts.remember(written)),
      PASS,
      1,
    )
    expect(other.told('a')).toEqual(erased)
    // Nothing of it has to stay when its slot is taken again.
    const again = await receipts.read(db(), PASS, 0)
    expect([...again.others]).toEqual([])
    expect([again.told('b'), again.told('c')]).toEqual([erased, undefined])
  })

  test('of another process stay until they were told again', async () => {
    const first = new TogetherReceipts()
    const before = await first.read(db(), PASS, 0)
    const deadline = Date.now() + 60_000
    await first.write(db(), { before, requests: ['a', 'b'], told: [erased, erased], deadline })
    const receipts = new TogetherReceipts()
    const found = await receipts.read(db(), PASS, 0)
    expect([...found.others.keys()]).toEqual(['a', 'b'])
    receipts.remember(
      await receipts.write(db(), { before: found, requests: ['a'], told: [erased], deadline }),
    )
    const again = await receipts.read(db(), PASS, 0)
    expect([...again.others.keys()]).toEqual(['b'])
    expect(again.told('a')).toEqual(erased)
  })
})
