import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
beforeAll(async () => {
  stand = await openStand()
})
afterAll(async () => {
  await stand?.close()
})

interface Page {
  tombstones: {
    requestId: string
    subject: object | null
    code?: string
    digested?: { tenantId: string; receivedAt: number; digests: string[] }
  }[]
}
const ask = <T>(path: string, body: object, token: string = tokens.restore) =>
  stand.call<T>('POST', path, { token, body: { systemId: 'shop-pg', reason: 'spec', ...body } })

/** People who were erased, whose identifiers in the vault are lost. */
async function lost(...ids: string[]): Promise<void> {
  const lines = ids.map((id, at) => ({
    line: at + 1,
    tenantId: 'shop',
    identifiers: [{ type: 'user_id', value: id }],
    erasedAt: Date.now() - 1_000,
  }))
  await stand.call('POST', '/v1/tombstones/import', { token: tokens.officer, body: { lines } })
  await stand.pool.query('UPDATE vault.entries SET sealed = sealed || $1', [Buffer.of(0)])
}

describe('tombstones whose identifiers can not be read any more', () => {
  it('come with the digests that are left, which are those of the peppers that are given out', async () => {
    await lost('gone-1')
    const { body } = await ask<Page>('/v1/tombstones', {})
    const [one] = body.tombstones
    expect(one).toMatchObject({ subject: null, code: 'vault_tampered', digested: { tenantId: 'shop' } })
    const { body: given } = await ask<{ peppers: { version: string; secret: string }[] }>(
      '/v1/tombstones/peppers',
      {},
    )
    const digests = given.peppers.map(({ version, secret }) => {
      const mac = createHmac('sha256', secret).update(JSON.stringify(['shop', 'user_id', 'gone-1']))
      return `${version}.${mac.digest('base64url')}`
    })
    expect(one?.digested?.digests).toEqual(digests)
    const matching = { tenantId: 'shop', digests }
    expect((await ask<Page>('/v1/tombstones', { matching })).body.tombstones).toEqual([one])
    const elsewhere = { tenantId: 'acme', digests }
    expect((await ask<Page>('/v1/tombstones', { matching: elsewhere })).body.tombstones).toEqual([])
  })

  it('come without where their digests are destroyed', async () => {
    await lost('gone-2')
    await stand.pool.query('DELETE FROM vault.digests')
    const { body } = await ask<Page>('/v1/tombstones', {})
    expect(body.tombstones.length).toBeGreaterThan(0)
    for (const one of body.tombstones) expect(one).not.toHaveProperty('digested')
  })

  it('are given to the restore service only, as the peppers are, and every reading is in the audit', async () => {
    for (const token of [tokens.officer, tokens.all, tokens.operator, tokens.shopEraser])
      expect((await ask('/v1/tombstones/peppers', {}, token)).status).toBe(403)
    const { rows } = await stand.pool.query(
      `SELECT pass_id FROM audit.clearances WHERE purpose = 'tombstones' AND pass_id = 'peppers'`,
    )
    expect(rows).toHaveLength(1)
    expect(stand.log()).not.toContain('gone-1')
  })
})
