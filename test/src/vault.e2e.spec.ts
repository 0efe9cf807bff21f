import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EpochOutlook, LetheClient, VaultEpoch } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
// The code that opens entries in production, on rows that production never gave it.
import { digestsOf } from '../../services/request/src/vault/digest.js'
import { openKeyStore } from '../../services/request/src/vault/open-key-store.js'
import { unseal } from '../../services/request/src/vault/seal.js'
import { Chain } from './harness/chain.js'
import { dumpTo } from './harness/dumps.js'
import { run } from './harness/run.js'
import { until, untilStatus } from './harness/wait.js'
import { footprint, sizeOf } from './shop/oracle.js'
import { type SealedRow, sealedInDump, sealedRows } from './vault/copies.js'

const folder = mkdtempSync(join(tmpdir(), 'lethe-vault-'))
const at = (name: string) => join(folder, name)
const master = { file: at('master.key'), command: null }
/** A key store is read anew each time: nothing is remembered that was destroyed. */
const stored = (name: 'keys' | 'copied-keys') => openKeyStore(at(name), master)

const people = { finished: 'u10', kept: 'u20', held: 'u30', open: 'u40' } as const
type Who = keyof typeof people
/** More requests than one transaction seals anew, so that there is a middle to die in. */
const bystanders = Array.from({ length: 120 }, (_, n) => `u${100 + n}`)
const emailOf = (userId: string) => `customer${userId.slice(1)}@example.com`
/** Seconds until the law lets go of what it keeps. */
const lawSeconds = 40

const ledger = `CREATE TABLE ledger (id text PRIMARY KEY, tenant_id text NOT NULL, user_id text REFERENCES users (id),
  payer text NOT NULL, created_at timestamptz NOT NULL)`
const withLedger = (yaml: string): string =>
  yaml.replace(/keep: P\d+D/g, 'keep: PT1S').replace(
    '      - { table: users,',
    `      - { table: ledger, by: user_id, method: redact, set: { user_id: null, payer: '[erased]' }, category: bookkeeping, retain: { ground: '17(3)(b)', citation: 'tax law, 7 years', until: P7Y from created_at } }
      - { table: users,`,
  )

let chain: Chain
let client: LetheClient
const ids = {} as Record<Who, string>

beforeAll(async () => {
  const made = await run('services/request/dist/keys.js', [at('keys'), '--master', master.file], {})
  expect(made).toMatchObject({ code: 0, err: '' })
  chain = await Chain.start({
    shop: { customers: 800 },
    shopSql: ledger,
    dataMap: withLedger,
    env: {
      LETHE_VAULT_KEYS: at('keys'),
      LETHE_VAULT_MASTER_FILE: master.file,
      LETHE_VAULT_CHECK_MS: '500',
    },
  })
  client = chain.client()
})
afterAll(async () => {
  await chain?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const ask = async (userId: string, graceDays = 0): Promise<string> => {
  const { requestId } = await client.request({
    tenantId: 'acme',
    identifiers: [{ type: 'user_id', value: userId }],
    requesterRole: 'self',
    identity: { method: 'signed_in_session' },
    graceDays,
  })
  return requestId
}

const lethe = (args: readonly string[], credential = 'admin') =>
  run('packages/cli/bin/lethe.mjs', args, {
    LETHE_REQUEST_URL: chain.context.at.requestUrl,
    LETHE_TOKEN: chain.context.secrets.token(credential),
  })
async function vault<T>(...args: string[]): Promise<T> {
  const ran = await lethe(['vault', ...args, '--json'])
  expect(ran).toMatchObject({ code: 0, err: '' })
  return JSON.parse(ran.out) as T
}
const admin = () => chain.client('admin')
const epochs = async () => (await admin().vault()).epochs

/** What the law keeps, without the person, and nothing once it lets go. */
const bills = () =>
  withClient(chain.pgUrl, async (shop) => (await shop.query('SELECT user_id, payer FROM ledger')).rows)

const sql = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  withClient(chain.letheUrl, async (db) => (await db.query<Row>(text, values)).rows)

/** What these rows say to whoever has this key store; a row that does not open is not among them. */
function opened(rows: readonly SealedRow[], name: 'keys' | 'copied-keys'): ReadonlyMap<string, string> {
  const store = stored(name)
  const keys = {
    find: (epoch: string) => {
      const key = store.find(epoch)
      return key === null ? null : { epoch, key }
    },
  }
  const texts = new Map<string, string>()
  for (const row of rows) {
    try {
      texts.set(`${row.requestId} ${row.systemId}`, unseal(keys, row, row).toString('utf8'))
    } catch (error) {
      // Nothing else may keep a row shut: bytes that were altered would make every refusal look right.
      expect(error).toMatchObject({ code: 'vault_key_destroyed' })
    }
  }
  return texts
}
const of = (rows: readonly SealedRow[], ...who: Who[]) =>
  rows.filter(({ requestId }) => who.some((one) => ids[one] === requestId))

describe('keys.js', () => {
  it('says how it is called, and makes nothing of what it does not understand', async () => {
    const refused = await run('services/request/dist/keys.js', [at('more'), '--mister', master.file], {})
    expect(refused).toMatchObject({ code: 64, out: '' })
    expect(refused.err).toContain('<directory to create> --master <master key file>')
    expect(existsSync(at('more'))).toBe(false)
    // Over keys that exist it writes nothing.
    const again = await run('services/request/dist/keys.js', [at('keys'), '--master', master.file], {})
    expect(again.err).toContain('EEXIST')
    expect(again.code).not.toBe(0)
  })
})

describe('the vault on the real chain', () => {
  let first: string
  let second: string
  let destroyedAt: number

  it('holds what a finished request, a retained one, a held one and an open pass need', async () => {
    await withClient(chain.pgUrl, (shop) =>
      shop.query(
        `INSERT INTO ledger VALUES ('bill', 'acme', $1, 'Payer', now() - interval '7 years' + make_interval(secs => $2))`,
        [people.kept, lawSeconds],
      ),
    )
    ;[ids.finished, ids.kept] = await Promise.all([ask(people.finished), ask(people.kept)])
    await untilStatus(client, ids.finished, ['COMPLETED'])
    expect((await untilStatus(client, ids.kept, ['PARTIALLY_COMPLETED'])).attention?.code).toBe('retained')
    expect(await bills()).toEqual([{ user_id: null, payer: '[erased]' }])
    await Promise.all([chain.stopOne('eraser-shop-pg'), chain.stopOne('eraser-cache')])
    ;[ids.open, ids.held] = await Promise.all([ask(people.open), ask(people.held)])
    const held = await lethe(['hold', ids.held, '--reason', 'a court order'], 'privacy-officer')
    expect(held.out).toContain('ON_HOLD')
    await until(
      'a pass of the open request',
      () => client.events(ids.open),
      ({ items }) => items.some(({ type }) => type === 'PassRequested'),
    )
    for (let n = 0; n < bystanders.length; n += 20)
      await Promise.all(bystanders.slice(n, n + 20).map((userId) => ask(userId, 30)))
    const rows = await sealedRows(chain.letheUrl)
    const texts = opened(rows, 'keys')
    expect(texts.size).toBe(rows.length)
    expect(texts.get(`${ids.finished} shop-pg`)).toContain(emailOf(people.finished))
    expect([...texts.values()]).toContain('a court order')
  })

  it('finds who is already asked for by the old pepper, and by the new one once that is current', async () => {
    const known = async (): Promise<Set<string>> => {
      const rows = await sql<{ digest: string }>('SELECT digest FROM vault.digests WHERE request_id = $1', [
        ids.held,
      ])
      return new Set(rows.map(({ digest }) => digest))
    }
    const versions = (digests: Set<string>) => [
      ...new Set([...digests].map((digest) => digest.split('.')[0])),
    ]
    const again = () => expect(ask(people.held)).rejects.toMatchObject({ code: 'duplicate_request' })
    expect(await vault('pepper', 'rotate')).toEqual({ dryRun: false, version: 'v2' })
    await again()
    const old = await known()
    expect(versions(old)).toEqual(['v1'])
    // Whoever looked under the new pepper alone would not know this person.
    const secret = stored('keys').find('pepper-v2')?.toString('base64url') as string
    const anew = digestsOf([{ version: 'v2', secret }], 'acme', [{ type: 'user_id', value: people.held }])
    expect(anew.some((digest) => old.has(digest))).toBe(false)
    // A minute passes, after which every process must have heard of it.
    await sql('UPDATE vault.peppers SET added_at = added_at - 61000')
    const later = await until(
      'digests under the new pepper',
      known,
      (now) => !versions(now).includes('v1'),
      120_000,
    )
    expect(anew.every((digest) => later.has(digest))).toBe(true)
    await again()
    const { peppers } = await vault<{ peppers: object[] }>('pepper', 'status')
    expect(peppers).toMatchObject([
      { version: 'v1', state: 'retiring', requests: 0 },
      { version: 'v2', state: 'current', source: 'key_store' },
    ])
  })

  it('rotates, seals anew and destroys through the command line, and refuses while something is needed', async () => {
    first = (await vault<{ epochs: VaultEpoch[] }>('status')).epochs[0]?.epoch as string
    expect(await vault('rotate', '--dry-run')).toEqual({ dryRun: true, epoch: null })
    const destroyCurrent = admin().destroyEpoch({ epoch: first, dryRun: false, giveUpUnreadable: false })
    await expect(destroyCurrent).rejects.toMatchObject({ code: 'illegal_transition' })
    second = (await vault<{ epoch: string }>('rotate')).epoch
    expect(await epochs()).toMatchObject([
      { epoch: first, current: false },
      { epoch: second, current: true },
    ])
    const needed = await lethe(['vault', 'destroy', first, '--yes'])
    expect(needed).toMatchObject({ code: 3 })
    expect(needed.err).toMatch(/illegal_transition.* 124 requests still need .* Reseal first/)
    expect(stored('keys').find(first)).not.toBeNull()

    // Backups of the shop live a second here; the week a tombstone stays beyond them passes like this.
    await sql('ALTER TABLE read_model.tombstones DISABLE TRIGGER tombstone_not_shortened')
    await sql('UPDATE read_model.tombstones SET expires_at = 0 WHERE request_id = $1', [ids.finished])
    cpSync(at('keys'), at('copied-keys'), { recursive: true })
    await dumpTo(at('before-resealing.dump'), chain, chain.letheUrl)
    const tried = await vault<{ outlook: EpochOutlook }>('reseal', first, '--dry-run')
    expect(tried.outlook.neededRequests).toBe(bystanders.length + 3)
    const moved = await vault<{ resealed: object }>('reseal', first)
    expect(moved.resealed).toMatchObject({ requests: bystanders.length + 3, notes: 1, unreadable: [] })
    await dumpTo(at('after-resealing.dump'), chain, chain.letheUrl)
    const left = await vault<{ outlook: EpochOutlook }>('destroy', first, '--dry-run')
    expect(left.outlook).toMatchObject({
      requests: 1,
      neededRequests: 0,
      becomeUnreadable: left.outlook.entries,
    })
    const words = await lethe(['vault', 'destroy', first, '--yes'])
    expect(words).toMatchObject({ code: 0, err: '' })
    expect(words.out).toContain('1 requests are backup-clear by it')
    const [gone] = await epochs()
    expect(gone).toMatchObject({
      epoch: first,
      hasKey: false,
      destroyedBy: 'admin',
      shredded: left.outlook.entries,
    })
    destroyedAt = gone?.destroyedAt as number
    expect(existsSync(join(at('keys'), `${first}.key`))).toBe(false)
    expect((await lethe(['vault', 'status'])).out).toMatch(new RegExp(`${first} +destroyed`))
    // Its bytes go from the live database too.
    expect(of(await sealedRows(chain.letheUrl), 'finished')).toEqual([])
  })

  it('leaves a backup of the database that nobody can read the finished person in', async () => {
    const before = await sealedInDump(at('before-resealing.dump'), chain)
    const after = await sealedInDump(at('after-resealing.dump'), chain)
    for (const rows of [before, after]) {
      const finished = of(rows, 'finished')
      expect(finished.length).toBeGreaterThan(2)
      expect(opened(finished, 'keys').size).toBe(0)
      // The control: with keys that were copied in time the very same bytes say who it is.
      const copied = opened(finished, 'copied-keys')
      expect(copied.size).toBe(finished.length)
      expect(copied.get(`${ids.finished} shop-pg`)).toContain(emailOf(people.finished))
    }
    expect(opened(before, 'keys').size).toBe(0)
    expect(opened(before, 'copied-keys').size).toBe(before.length)
    const needed = after.filter(({ requestId }) => requestId !== ids.finished)
    expect(new Set(needed.map(({ epoch }) => epoch))).toEqual(new Set([second]))
    expect(opened(needed, 'keys')).toEqual(
      opened(
        before.filter(({ requestId }) => requestId !== ids.finished),
        'copied-keys',
      ),
    )
  })

  it('lets the open pass, the retained part and the held request go on under the new seal', async () => {
    expect((await lethe(['release', ids.held], 'privacy-officer')).code).toBe(0)
    await Promise.all([chain.restart('eraser-shop-pg'), chain.restart('eraser-cache')])
    for (const who of ['open', 'held', 'kept'] as const) await untilStatus(client, ids[who], ['COMPLETED'])
    const { items } = await client.events(ids.kept)
    const passes = items.filter(({ type, data }) => type === 'PassRequested' && data.systemId === 'shop-pg')
    // Asked for again while nobody answered, and still one pass.
    expect(new Set(passes.map(({ data }) => data.passId))).toEqual(
      new Set(['shop-pg#1/initial', 'shop-pg#1/resume-1']),
    )
    for (const who of ['open', 'held', 'kept'] as const) {
      const granted = (await client.events(ids[who])).items.findLast(({ type }) => type === 'GrantIssued')
      expect(granted?.at).toBeGreaterThan(destroyedAt)
      const person = { tenantId: 'acme', userId: people[who], email: emailOf(people[who]) }
      expect(sizeOf(await footprint(chain.pgUrl, chain.redisUrl, person))).toBe(0)
    }
    expect(await bills()).toEqual([])
  })

  it('goes on by itself after kill -9 in the middle of sealing anew, and loses nothing', async () => {
    const before = await sealedRows(chain.letheUrl)
    const said = opened(before, 'keys')
    expect(said.size).toBe(before.length)
    const third = (await admin().rotateVault({ dryRun: false })).epoch
    const perEpoch = async () => {
      const rows = await sealedRows(chain.letheUrl)
      return [second, third].map((epoch) => rows.filter((row) => row.epoch === epoch).length)
    }
    await withClient(chain.letheUrl, async (blocker) => {
      await blocker.query('BEGIN')
      const [holder] = (await blocker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows
      await blocker.query(
        'SELECT FROM vault.entries WHERE request_id = (SELECT max(request_id) FROM vault.entries) FOR UPDATE',
      )
      // Its date has come.
      await sql('UPDATE vault.epochs SET destroy_at = ends_at WHERE epoch = $1', [second])
      await until(
        'sealing anew that waits for the last request',
        () =>
          sql(
            `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND $1 = ANY (pg_blocking_pids(pid))`,
            [holder?.pid],
          ),
        (waiting) => waiting.length > 0,
      )
      await chain.crash('request')
      await blocker.query('ROLLBACK')
    })
    const [old, moved] = (await perEpoch()) as [number, number]
    expect(old).toBeGreaterThan(0)
    expect(moved).toBeGreaterThan(0)
    expect(opened(await sealedRows(chain.letheUrl), 'keys')).toEqual(said)

    await chain.restart('request')
    const retired = await until(
      'the epoch retired by itself',
      async () => (await epochs()).find(({ epoch }) => epoch === second),
      (epoch) => epoch?.destroyedAt !== null,
      120_000,
    )
    expect(retired).toMatchObject({ destroyedBy: 'request', hasKey: false, neededRequests: 0 })
    expect(stored('keys').find(second)).toBeNull()
    const rows = await sealedRows(chain.letheUrl)
    expect(opened(rows, 'keys')).toEqual(said)
    // The control: without the new key the same look finds everything missing.
    expect(opened(rows, 'copied-keys').size).toBe(0)
    expect(await sql(`SELECT FROM read_model.requests WHERE status = 'SCHEDULED'`)).toHaveLength(
      bystanders.length,
    )
  })
})
