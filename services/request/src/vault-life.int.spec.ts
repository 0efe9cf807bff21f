import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'
import {
  cleared,
  complete,
  DAY,
  erase,
  lost,
  readable,
  type VaultProcess,
  vaultProcess,
} from './testing/vault-stand.js'
import { openKeyStore } from './vault/open-key-store.js'
import { Vault, type VaultEntry } from './vault/vault.js'

let stand: Stand
let vault: VaultProcess
let first: string
beforeEach(async () => {
  stand = await openStand({ vaultCheckMs: 3_600_000, resolutionFreshMs: 3_600_000, probeTimeoutMs: 30_000 })
  // These specs go months ahead; the database goes by its own clock, and there the tombstones still run.
  await stand.pool.query('ALTER TABLE read_model.tombstones DISABLE TRIGGER tombstone_not_early')
  vault = await vaultProcess(stand)
  first = vault.epochs.current().epoch
})
afterEach(() => stand.close())

const ask = () => accepted(stand, askByEmail(newPerson(stand).email))
const hear = () => stand.call('GET', '/v1/vault', { token: tokens.all })
const column = async (text: string, values: unknown[] = []): Promise<unknown[]> =>
  (await stand.pool.query({ text, values, rowMode: 'array' })).rows.map((row: unknown[]) => row[0])
const epochsOf = (id: string) =>
  column('SELECT DISTINCT epoch FROM vault.entries WHERE request_id = $1 ORDER BY 1', [id])

interface Published {
  sequence: number
  epoch: string
  sealedSelectors: { data: number[] } | null
}
/** Those this spec's process wrote, as JSON; the service writes Avro. */
const tombstones = async (id: string): Promise<Published[]> => {
  const payloads = await column(
    `SELECT payload FROM outbox.message WHERE aggregatetype = 'erasure.tombstones'
     AND aggregateid IN (SELECT tombstone_id FROM read_model.tombstones WHERE request_id = $1)`,
    [id],
  )
  return payloads
    .map(String)
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Published)
}

describe('epochs', () => {
  it('rotate on their date, once however many processes look, and seal everything new from then on', async () => {
    const before = await ask()
    vault.clock.at += 31 * DAY
    const other = await vaultProcess(stand, { clock: vault.clock })
    await Promise.all([vault.epochs.rotateWhenDue(), other.epochs.rotateWhenDue()])
    expect(await column('SELECT count(*)::int FROM vault.epochs')).toEqual([2])
    const second = vault.epochs.current().epoch
    expect(second).not.toBe(first)
    expect(other.epochs.current().epoch).toBe(second)
    expect(await epochsOf(before)).toEqual([first])
  })

  it('rotate on command; a process that has not heard yet seals nothing under a closed one', async () => {
    const id = await ask()
    await vault.epochs.rotate(true)
    // The service has not heard: it goes on under the old epoch, which is still open.
    expect(await epochsOf(await ask())).toEqual([first])
    await vault.destruction.retire(first, 'spec')
    const late = await stand.call('POST', '/v1/erasure-requests', {
      body: askByEmail(newPerson(stand).email),
      key: 'late',
    })
    expect(late.status).toBe(503)
    await hear()
    const second = vault.epochs.current().epoch
    expect(await epochsOf(await ask())).toEqual([second])
    expect(await epochsOf(id)).toEqual([second])
  })
})

describe('sealing anew', () => {
  it('moves what is needed, publishes its tombstones one higher with the new bytes, and the next pass opens them', async () => {
    const id = await ask()
    await erase(stand, vault, id, 'cache#1/initial')
    const held = await ask()
    await stand.call('POST', `/v1/erasure-requests/${held}/hold`, {
      token: tokens.officer,
      body: { reason: 'a claim' },
    })
    const before = await readable(stand.pool, vault.vault)
    await vault.epochs.rotate(true)
    const second = vault.epochs.current().epoch
    const resealed = await vault.resealing.reseal(first, 'spec')
    expect(resealed).toMatchObject({ requests: 2, entries: 6, notes: 1, unreadable: [] })
    expect(await epochsOf(id)).toEqual([second])
    expect(await epochsOf(held)).toEqual([second])
    expect(await lost(stand.pool, vault.vault, before)).toEqual([])
    const [newest] = await tombstones(id)
    expect(newest).toMatchObject({ sequence: 2, epoch: second })
    const [sealed] = await column(
      `SELECT sealed FROM vault.entries WHERE request_id = $1 AND system_id = 'cache'`,
      [id],
    )
    expect(Buffer.from(newest?.sealedSelectors?.data ?? []).equals(sealed as Buffer)).toBe(true)
    // Nothing is left to move, so nothing is published again.
    expect(await vault.resealing.reseal(first, 'spec')).toMatchObject({ requests: 0, entries: 0 })
    expect(await tombstones(id)).toHaveLength(1)
    await hear()
    expect(await cleared(stand, id, 'shop-pg#1/initial')).toMatchObject({ decision: 'go' })
  })

  it('goes on after a crash in the middle, and loses nothing', async () => {
    for (let n = 0; n < 5; n++) await ask()
    const before = await readable(stand.pool, vault.vault)
    let puts = 0
    const dying = await vaultProcess(stand, {
      clock: vault.clock,
      batchSize: 2,
      vault: (epochs, peppers) =>
        new (class extends Vault {
          override async put(...args: Parameters<Vault['put']>): Promise<string> {
            const epoch = await super.put(...args)
            if (++puts === 2) throw new Error('the process dies after it wrote, before it commits')
            return epoch
          }
        })(epochs, peppers),
    })
    await dying.epochs.rotate(true)
    await expect(dying.resealing.reseal(first, 'spec')).rejects.toThrow('dies')
    expect(await column('SELECT count(DISTINCT epoch)::int FROM vault.entries')).toEqual([2])
    expect(await lost(stand.pool, vault.vault, before)).toEqual([])
    await vault.epochs.refresh()
    expect(await vault.resealing.reseal(first, 'spec')).toMatchObject({ requests: 3 })
    expect(await column('SELECT count(DISTINCT epoch)::int FROM vault.entries')).toEqual([1])
    expect(await lost(stand.pool, vault.vault, before)).toEqual([])
  })

  it('is seen when it loses an entry', async () => {
    const id = await ask()
    const before = await readable(stand.pool, vault.vault)
    const forgetful = await vaultProcess(stand, {
      clock: vault.clock,
      vault: (epochs, peppers) =>
        new (class extends Vault {
          override async put(client: never, entries: readonly VaultEntry[]): Promise<string> {
            const kept = entries.map((entry) =>
              entry.systemId === 'cache' ? { ...entry, identifiers: [] } : entry,
            )
            return super.put(client, kept)
          }
        })(epochs, peppers),
    })
    await forgetful.epochs.rotate(true)
    await forgetful.resealing.reseal(first, 'spec')
    await vault.epochs.refresh()
    expect(await lost(stand.pool, vault.vault, before)).toEqual([`${id} cache`])
  })
})

describe('destruction', () => {
  it('is refused for the current epoch, for an unknown one, and while something needed is sealed under it', async () => {
    await ask()
    const destroy = (epoch: string) => vault.destruction.destroy(epoch, { actor: 'spec' })
    await expect(destroy(first)).rejects.toMatchObject({ code: 'illegal_transition' })
    await expect(destroy('1999-01')).rejects.toMatchObject({ code: 'not_found' })
    await vault.epochs.rotate(true)
    await expect(destroy(first)).rejects.toMatchObject({ code: 'illegal_transition' })
    expect(vault.epochs.hasKey(first)).toBe(true)
    await vault.resealing.reseal(first, 'spec')
    expect(await destroy(first)).toMatchObject({ neededRequests: 0 })
    expect(openKeyStore(stand.config.vaultKeys, stand.config.vaultMaster).find(first)).toBeNull()
    // Told again, it stays destroyed.
    expect(await destroy(first)).toMatchObject({ neededRequests: 0 })
  })

  it('that skips the check is seen: what an open request needs no longer opens', async () => {
    const id = await ask()
    const before = await readable(stand.pool, vault.vault)
    await vault.epochs.rotate(true)
    vault.epochs.keys.destroy(first)
    expect((await lost(stand.pool, vault.vault, before)).sort()).toEqual(
      ['@person', 'cache', 'shop-pg'].map((system) => `${id} ${system}`),
    )
  })

  it('leaves nothing to read in a copy of the database that was taken before it', async () => {
    const id = await ask()
    const copy = await column('SELECT row_to_json(e)::text FROM vault.entries e')
    expect((await readable(stand.pool, vault.vault)).size).toBe(3)
    await vault.epochs.rotate(true)
    await vault.resealing.reseal(first, 'spec')
    await vault.destruction.destroy(first, { actor: 'spec' })
    expect((await readable(stand.pool, vault.vault)).size).toBe(3)
    await stand.pool.query('TRUNCATE vault.entries, vault.epochs')
    for (const row of copy)
      await stand.pool.query(
        'INSERT INTO vault.entries SELECT * FROM json_populate_record(NULL::vault.entries, $1::json)',
        [row],
      )
    const later = await vaultProcess(stand)
    expect((await readable(stand.pool, later.vault)).size).toBe(0)
    const opened = await later.vault.open(stand.pool, [id], 'cache', 'clearance')
    expect(opened.get(id)).toMatchObject({ code: 'vault_key_destroyed' })
  })

  it('happens by itself on the fixed date, after what is needed has moved; a crash in between is made good', async () => {
    const open = await ask()
    const done = await ask()
    await complete(stand, vault, done)
    vault.clock.at += 61 * DAY
    await vault.keeper.tick()
    const [row] = (await stand.pool.query('SELECT * FROM vault.epochs WHERE epoch = $1', [first])).rows
    expect(row).toMatchObject({ destroyed_by: 'request', destroyed_at: String(vault.clock.at) })
    expect(await epochsOf(open)).toEqual([vault.epochs.current().epoch])
    // The decision was recorded, the key is gone, and the process died before it said so.
    await stand.pool.query(
      'UPDATE vault.epochs SET destroyed_at = NULL, destroyed_by = NULL WHERE epoch = $1',
      [first],
    )
    const next = await vaultProcess(stand, { clock: vault.clock })
    await next.keeper.tick()
    expect(
      await column('SELECT destroyed_at IS NOT NULL FROM vault.epochs WHERE epoch = $1', [first]),
    ).toEqual([true])
  })

  it('keeps an epoch whose key is lost while it is needed, until somebody gives that up', async () => {
    await ask()
    await vault.epochs.rotate(true)
    vault.epochs.keys.destroy(first)
    expect(await vault.destruction.retire(first, 'spec')).toBe(false)
    const give = (giveUpUnreadable: boolean) =>
      vault.destruction.destroy(first, { actor: 'spec', giveUpUnreadable })
    await expect(give(false)).rejects.toMatchObject({ code: 'illegal_transition' })
    expect(await give(true)).toMatchObject({ neededRequests: 1 })
    expect(vault.epochs.known(first)?.destroyedAt).not.toBeNull()
  })
})

describe('backup-clear', () => {
  it('needs every backup to have expired and every key that ever sealed the request to be destroyed', async () => {
    const id = await ask()
    await complete(stand, vault, id)
    const clear = () => column('SELECT backup_clear FROM read_model.requests WHERE request_id = $1', [id])
    // The shop's tombstone is live after a month, so what it selects by moves on; the cache's has expired.
    vault.clock.at += 31 * DAY
    await vault.keeper.tick()
    await vault.resealing.reseal(first, 'spec')
    await vault.destruction.destroy(first, { actor: 'spec' })
    await vault.shredded.confirm()
    expect(await clear()).toEqual([false])
    const second = vault.epochs.current().epoch
    expect(
      await column('SELECT system_id FROM vault.entries WHERE request_id = $1 AND epoch = $2 ORDER BY 1', [
        id,
        second,
      ]),
    ).toEqual(['@person', 'shop-pg'])
    expect(await column('SELECT epoch FROM vault.sealings WHERE request_id = $1 ORDER BY 1', [id])).toEqual(
      [first, second].sort(),
    )
    // The tombstone has expired; nothing moves, and the last key takes what is left with it.
    vault.clock.at += 30 * DAY
    await vault.keeper.tick()
    expect(await clear()).toEqual([false])
    await vault.destruction.destroy(second, { actor: 'spec' })
    expect(await vault.shredded.confirm()).toBe(1)
    expect(await clear()).toEqual([true])
    for (const table of ['entries', 'digests', 'notes', 'sealings'])
      expect(await column(`SELECT count(*)::int FROM vault.${table} WHERE request_id = $1`, [id])).toEqual([
        0,
      ])
    expect(await vault.shredded.confirm()).toBe(0)
  })
})

describe('the administration over HTTP', () => {
  const post = (path: string, body: object, token: string = tokens.all) =>
    stand.call('POST', `/v1/vault/${path}`, { token, body })

  it('is for administrators of all tenants, tries before it does, and leaves no identifier in an answer', async () => {
    const person = newPerson(stand)
    await accepted(stand, askByEmail(person.email))
    for (const token of [tokens.officer, tokens.operator, tokens.other, tokens.shopEraser])
      expect(await post('rotate', {}, token)).toMatchObject({ status: 403 })
    expect((await post('rotate', { dryRun: true })).body).toEqual({ dryRun: true, epoch: null })
    expect(await post('destroy', { epoch: '../x' })).toMatchObject({ status: 400 })
    expect(await post('destroy', { epoch: 'never' })).toMatchObject({ status: 404 })
    expect(await post('destroy', { epoch: first })).toMatchObject({ status: 409 })
    const { epoch } = (await post('rotate', {})).body
    expect(await post('destroy', { epoch: first })).toMatchObject({ status: 409 })
    expect((await post('destroy', { epoch: first, dryRun: true })).body).toMatchObject({
      outlook: { neededRequests: 1, neededEntries: 3 },
    })
    expect((await post('reseal', { epoch: first })).body).toMatchObject({ resealed: { entries: 3 } })
    expect(await post('destroy', { epoch: first })).toMatchObject({ status: 200 })
    const status = await stand.call<{ epochs: object[] }>('GET', '/v1/vault', { token: tokens.all })
    expect(status.body.epochs).toEqual([
      expect.objectContaining({ epoch: first, current: false, hasKey: false, destroyedBy: 'all-tenants' }),
      expect.objectContaining({ epoch, current: true, hasKey: true, entries: 3, neededRequests: 1 }),
    ])
    // Each reading left a row that names the request and the reader, and nobody else.
    const reads = (await stand.pool.query('SELECT * FROM audit.vault_reads')).rows
    expect(reads).toHaveLength(3)
    expect(reads[0]).toMatchObject({ actor: 'all-tenants', purpose: 'reseal' })
    for (const secret of [person.email, person.userId, person.vendorId])
      expect(JSON.stringify([status.body, reads])).not.toContain(`"${secret}"`)
  })
})

describe('peppers', () => {
  it('rotate: looked up at once, written by all after a minute, and the old one goes when nothing needs it', async () => {
    const person = newPerson(stand)
    const body = askByEmail(person.email)
    const id = await accepted(stand, body)
    const ended = await ask()
    await stand.call('POST', `/v1/erasure-requests/${ended}/cancel`, { body: {} })
    expect(await vault.peppers.rotate()).toBe('v2')
    expect(vault.peppers.live().map(({ version }) => version)).toEqual(['v2', 'v1'])
    vault.clock.at += 61_000
    expect(vault.peppers.live().map(({ version }) => version)).toEqual(['v1', 'v2'])
    await vault.redigesting.run('spec')
    const versions = (requestId: string) =>
      column(`SELECT DISTINCT split_part(digest, '.', 1) FROM vault.digests WHERE request_id = $1`, [
        requestId,
      ])
    expect(await versions(id)).toEqual(['v2'])
    expect(await versions(ended)).toEqual([])
    // The service still takes v1 for the current one; it looks under both.
    await stand.call('GET', '/v1/vault/peppers', { token: tokens.all })
    const again = await stand.call('POST', '/v1/erasure-requests', { body, key: 'another' })
    expect(again).toMatchObject({ status: 409, body: { code: 'duplicate_request', duplicateOf: id } })
    // A caller may still repeat the key that was digested under the old one.
    expect((await vault.redigesting.use())[0]).toMatchObject({ requests: 0, idempotencyKeys: 2 })
    vault.clock.at += 29 * DAY
    expect(await vault.redigesting.run('spec')).toEqual(['v1'])
    expect(vault.peppers.lives()[0]).toMatchObject({ version: 'v1', state: 'retired' })
  })

  it('keep the old one while a needed digest can not be made anew', async () => {
    const id = await ask()
    await vault.peppers.rotate()
    vault.clock.at += 29 * DAY
    vault.epochs.keys.destroy(first)
    expect(await vault.redigesting.run('spec')).toEqual([])
    expect((await vault.redigesting.use())[0]).toMatchObject({ version: 'v1', requests: 1 })
    expect(await column('SELECT count(*)::int > 0 FROM vault.digests WHERE request_id = $1', [id])).toEqual([
      true,
    ])
  })

  it('that are missing or mistyped keep the service from starting', async () => {
    const start = (peppers: string) => vaultProcess({ ...stand, config: { ...stand.config, peppers } })
    await expect(start('v1=another-secret-of-16')).rejects.toThrow(/v1 is not the secret/)
    await expect(start('v2=another-secret-of-16')).rejects.toThrow(/v1 is missing/)
  })
})
