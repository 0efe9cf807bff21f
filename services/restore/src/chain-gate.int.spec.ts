import { readFileSync, writeFileSync } from 'node:fs'
import { postgres } from '@lethe/connectors/postgres'
import type { Connector } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReviewStore } from './adapters/review-store.js'
import { Copies } from './application/copies.js'
import { Chained } from './testing/chained.js'
import { round, secret } from './testing/process.js'
import { ELEMENTS, officer, operator, Stand } from './testing/stand.js'

let stand: Stand
let chained: Chained
let backup: string
beforeEach(async () => {
  stand = await Stand.open()
  chained = new Chained(stand.pool)
  stand.chain = chained.verdict
  const process = stand.process()
  await round(process)
  backup = await stand.shop.backUp()
  await round(process)
  await process.guard.stop()
  for (const id of ['u1', 'u2', 'u3']) await stand.tombstone(id)
  await chained.chainAll()
})
afterEach(async () => {
  await stand.close()
  chained.close()
})

const latest = async () => (await stand.store.history('shop-pg', 1))[0]
const asApplication = () => stand.shop.as(stand.shop.app, 'SELECT count(*)::int AS n FROM users')
const CONTENT = `SELECT encode(content, 'hex') AS content FROM restore.chain WHERE "offset" = 1`
const alter = async (): Promise<() => Promise<void>> => {
  const { rows } = await stand.pool.query<{ content: string }>(CONTENT)
  const write = (content?: string) =>
    chained.tamper(`UPDATE restore.chain SET content = decode('${content}', 'hex') WHERE "offset" = 1`)
  await write('00'.repeat(32))
  return () => write(rows[0]?.content)
}

describe('under a broken chain of tombstones', () => {
  it('a gate stays shut and says where it is broken and what to do; mended, it opens when it is run again', async () => {
    const mend = await alter()
    await stand.shop.restore(backup)
    const process = stand.process()
    await round(process)
    const restore = await latest()
    expect(restore).toMatchObject({
      phase: 'waiting',
      replayed: 3,
      waiting: [{ code: 'tombstone_chain_broken', counts: { link_broken: 1 } }],
    })
    const { detail = '' } = restore?.waiting[0] ?? {}
    expect(detail).toContain('link_broken in partition 0 at offset 1')
    expect(detail).toContain('lethe tombstones verify')
    expect(detail).not.toMatch(/u1|u2|u3/)
    await expect(asApplication()).rejects.toThrow(/permission denied/)
    await process.restores.retry(operator, restore?.restoreId ?? '')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'waiting' })
    await mend()
    await process.restores.retry(operator, restore?.restoreId ?? '')
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'opened', waiting: [] })
    expect(await asApplication()).toEqual([{ n: 197 }])
  })

  it('one whose youngest record was cut off, head and all, keeps it shut as well, until an officer opens it', async () => {
    await chained.tamper(`DELETE FROM restore.chain WHERE "offset" = 2; UPDATE restore.chain_heads SET records = 2,
      next_offset = 2, hash = (SELECT hash FROM restore.chain WHERE "offset" = 1)`)
    await stand.shop.restore(backup)
    const process = stand.process()
    await round(process)
    const restore = await latest()
    expect(restore).toMatchObject({ phase: 'waiting', waiting: [{ counts: { truncated: 1 } }] })
    await process.restores.open(officer, restore?.restoreId ?? '', 'OPS-7')
    expect(await latest()).toMatchObject({ phase: 'opened' })
    const { rows } = await stand.pool.query('SELECT credential_id, detail FROM audit.restores')
    expect(rows).toEqual([
      { credential_id: 'pia', detail: { ticket: 'OPS-7', codes: ['tombstone_chain_broken'] } },
    ])
  })

  it('of which nobody can say whether it is whole, a gate stays shut and opens by itself when somebody can', async () => {
    const { file } = chained.place
    const head = readFileSync(file, 'utf8')
    writeFileSync(file, head.replace(/"records":\s*3/, '"records":2'))
    await stand.shop.restore(backup)
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'probing' })
    await expect(asApplication()).rejects.toThrow(/permission denied/)
    writeFileSync(file, head)
    await round(stand.process())
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 3 })
  })

  it('a copy is never called clean', async () => {
    const section = {
      version: 1,
      tenant: { none: true } as const,
      canonical: 'user_id' as const,
      system: {
        systemId: 'shop-pg',
        kind: 'postgres',
        connection: 'SHOP',
        ceiling: null,
        body: { elements: ELEMENTS },
      },
    }
    const copies = new Copies({
      connectors: new Map([['shop-pg', postgres as unknown as Connector]]),
      request: { section: async () => section },
      source: stand.source,
      store: stand.store,
      reviews: new ReviewStore(stand.pool),
      chain: chained.verdict,
      secret,
      incarnation: 'test',
    })
    const copy = { applyId: 'a1', systemId: 'shop-pg', url: stand.shop.url(undefined, backup) }
    expect(await copies.check(operator, copy, false)).toMatchObject({ reasons: [] })
    await copies.replay(operator, copy, '')
    const clean = await copies.probe(operator, copy, '')
    expect(clean.tally.inconclusive).toEqual({})
    const mend = await alter()
    expect(await copies.check(operator, copy, false)).toMatchObject({
      reasons: [{ code: 'tombstone_chain_broken' }],
    })
    const { done, tally } = await copies.probe(operator, copy, '')
    expect({ done, inconclusive: tally.inconclusive }).toEqual({
      done: true,
      inconclusive: { tombstone_chain_broken: 1 },
    })
    await mend()
    expect((await copies.probe(operator, copy, '')).tally).toEqual(clean.tally)
  })
})
