import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RestoreClient } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { dumpTo, withRestored } from './harness/dumps.js'
import { type Ran, run } from './harness/run.js'
import { until, untilStatus } from './harness/wait.js'
import { LetheDatabase } from './self/lethe-database.js'

describe('lethe, the command line', () => {
  let chain: Chain
  let environment: Record<string, string>

  beforeAll(async () => {
    chain = await Chain.start({ restore: true })
    const { at, secrets } = chain.context
    environment = {
      LETHE_REQUEST_URL: at.requestUrl,
      LETHE_TOKEN: secrets.token('privacy-officer'),
      LETHE_OWNER_URL: chain.letheUrl,
      LETHE_KAFKA: at.brokers.join(','),
      LETHE_TOPIC_PREFIX: chain.topicPrefix,
      LETHE_RESTORE_URL: `http://127.0.0.1:${at.ports.restore}`,
      LETHE_HEAD_FILE: chain.environment('restore').LETHE_HEAD_FILE ?? '',
      LETHE_HEAD_SECRET: chain.environment('restore').LETHE_HEAD_SECRET ?? '',
    }
  })

  afterAll(async () => {
    await chain?.stop()
  })

  const lethe = (args: string[], env: Record<string, string> = {}, input = ''): Promise<Ran> =>
    run('packages/cli/bin/lethe.mjs', args, { ...environment, ...env }, input)
  const json = ({ out }: Ran) =>
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  it('previews without changing anything, in words and as JSON', async () => {
    const words = await lethe(['preview', '-t', 'acme', '--email', 'customer20@example.com'])
    expect(words).toMatchObject({ code: 0, err: '' })
    expect(words.out).toMatch(/shop-pg +sessions +2/)
    const [answer] = json(await lethe(['preview', '-t', 'acme', '--user-id', 'u20', '--json']))
    expect(answer.systems['shop-pg'].users.found).toBe(1)
    expect((await lethe(['request', '-t', 'acme', '--user-id', 'u20', '--dry-run'])).out).toContain('Dry run')
    expect((await lethe(['list'])).out.trim()).toBe('No requests.')
  })

  it('follows an erasure to its end, the identifier kept out of the command line', async () => {
    const done = await lethe(
      ['request', '-t', 'acme', '--identifiers-from', '-', '--grace-days', '0', '--wait', '--json'],
      {},
      'email=customer21@example.com\n',
    )
    expect(done.code).toBe(0)
    const views = json(done)
    expect(views.at(-1).status).toBe('COMPLETED')
    expect(done.out + done.err).not.toContain('customer21')
    const shown = await lethe(['show', views.at(-1).requestId, '--events'])
    expect(shown.out).toMatch(/shop-pg#1 +COMPLETED · 6 erased, 5 redacted/)
    expect(shown.out).toMatch(/cache probe +clean/)
    expect(shown.out).toContain('RequestCompleted')
  })

  it('holds, releases and cancels', async () => {
    const [asked] = json(await lethe(['request', '-t', 'acme', '--user-id', 'u22', '--json']))
    expect(asked.status).toBe('SCHEDULED')
    const held = await lethe(['hold', asked.requestId, '--reason', 'a court order'])
    expect(held.out).toContain('nothing is erased after')
    expect(held.out).toContain('ON_HOLD')
    expect((await lethe(['release', asked.requestId])).out).toContain('SCHEDULED')
    expect((await lethe(['cancel', asked.requestId])).out).toContain('CANCELLED')
  })

  it('says with its exit code what went wrong', async () => {
    const unknown = await lethe(['show', '01a1fddd-5610-7561-a7e7-2146ddabb07a'])
    expect(unknown).toMatchObject({ code: 3 })
    expect(unknown.err).toContain('docs/problems/not_found.md')
    expect((await lethe(['request', '-t', 'acme'])).code).toBe(2)
    expect((await lethe(['request', '-t', 'acme', '--no-such-option'])).code).toBe(2)
    expect((await lethe(['list'], { LETHE_REQUEST_URL: 'http://127.0.0.1:1' })).code).toBe(4)
    expect((await lethe(['list'], { LETHE_TOKEN: 'not a token' })).err).toContain('unauthenticated')
  })

  it('does nothing with a value that does not belong where it is, and does not repeat it', async () => {
    const value = 'customer23@example.com'
    const wrong: [number, string, string[]][] = [
      [2, '<request>', ['cancel', '..']],
      [2, '--grace-days', ['request', '-t', 'acme', '--email', value, '--grace-days', '']],
      [1, 'name no dead letter', ['dlq', 'redrive', 'erasure.requested/0/9007199254740993']],
      [3, 'invalid_identifier', ['request', '-t', 'acme', '--identifier', 'user_id=u23 ']],
    ]
    const ran = await Promise.all(
      wrong.map(async ([code, said, args]) => ({ code, said, ran: await lethe(args) })),
    )
    for (const { code, said, ran: one } of ran) {
      expect(one).toMatchObject({ code, out: '' })
      expect(one.err).toContain(said)
      expect(one.err).not.toContain('customer23')
    }
    expect((await lethe(['list', '--status', 'SCHEDULED'])).out.trim()).toBe('No requests.')
  })

  it('imports people who were erased before Lethe, once; the next sweep erases whoever of them is in a store, and they are erased from a backup of before Lethe', async () => {
    const recent = `user_id,tenant,erased_at\nu24,acme,${new Date(Date.now() - 60_000).toISOString()}\n`
    const bad = await lethe(['tombstones', 'import', '-'], {}, `${recent}u25,acme,tomorrow\n`)
    expect(bad).toMatchObject({ code: 5, err: '' })
    expect(bad.out).toContain('line 3: invalid_date')
    expect(bad.out).toContain('2 lines: 0 imported')
    expect(
      json(await lethe(['tombstones', 'import', '-', '--dry-run', '--json'], {}, recent))[0],
    ).toMatchObject({
      end: 'looked',
      imported: 1,
    })
    const left = async (url: string) =>
      withClient(url, async (client) => {
        const { rows } = await client.query(
          `SELECT id, (SELECT count(*)::int FROM orders o WHERE o.user_id = u.id) AS orders
           FROM users u WHERE id IN ('u24', 'u25') ORDER BY id`,
        )
        return rows
      })
    const folder = mkdtempSync(join(tmpdir(), 'lethe-import-'))
    try {
      // As a backup of before Lethe is: everybody, and nothing of Lethe's.
      const before = join(folder, 'before.dump')
      await dumpTo(before, chain, chain.pgUrl, ['--exclude-schema=lethe'])
      await withRestored(before, chain, chain.pgUrl, async (url) => {
        const people = await left(url)
        expect(people.map(({ id }) => id)).toEqual(['u24', 'u25'])
        const apply = (...options: string[]) =>
          lethe(['restore', 'apply', '--system', 'shop-pg', '--json', ...options], {
            LETHE_COPY_URL: url,
            LETHE_STATE: folder,
          })
        // Nobody who is not imported is looked for.
        const [unknown] = json(await apply('--dry-run'))
        expect(unknown.probed.residual.users ?? 0).toBe(0)

        const done = await lethe(['tombstones', 'import', '-'], {}, recent)
        expect(done).toMatchObject({ code: 0, err: '' })
        expect(done.out).toContain('1 lines: 1 imported')
        expect((await lethe(['tombstones', 'import', '-'], {}, recent)).out).toContain(
          '0 imported, 1 known already',
        )
        for (const ran of [bad, done]) expect(ran.out).not.toMatch(/u24|u25/)
        expect((await lethe(['tombstones', 'import', '-'], { LETHE_TOKEN: 'no officer' }, recent)).code).toBe(
          3,
        )

        const [found] = json(await apply('--dry-run'))
        expect(found.probed.residual).toMatchObject({ users: 1 })
        expect(await left(url)).toEqual(people)
        const applied = await apply()
        // It has no marker: that nobody is in it who was forgotten, a person must say.
        expect(applied.code).toBe(5)
        const [report] = json(applied)
        expect(report.reasons).toMatchObject([{ code: 'marker_unknown' }])
        expect(report.replayed).toMatchObject({
          replayed: found.probed.tombstones - report.replayed.alreadyAbsent,
        })
        expect(report.replayed.replayed).toBeGreaterThan(0)
        expect(Object.values(report.probed.residual).filter((count) => count !== 0)).toEqual([])
        expect(await left(url)).toEqual(people.slice(1))
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    await until(
      'the chain has the imported tombstones',
      async () => (await lethe(['tombstones', 'verify', '--json'])).code,
      (code) => code === 0,
    )
    expect((await left(chain.pgUrl)).map(({ id }) => id)).toEqual(['u24', 'u25'])
    await lethe(['restore', 'sweep', '--system', 'shop-pg', '--wait'])
    expect((await left(chain.pgUrl)).map(({ id }) => id)).toEqual(['u25'])
  })

  it('lists no dead letters and finds the read models equal to the log', async () => {
    expect((await lethe(['dlq', 'list'])).out.trim()).toBe('No dead letters.')
    const rebuilt = await lethe(['rebuild', '--json'])
    expect(rebuilt.code).toBe(0)
    expect(json(rebuilt)[0]).toMatchObject({ equal: true, differing: 0 })
  })

  /** Last, because it changes the database under all of the above. */
  it('drills restores of the shop and of the cache, erasing a made-up person as everybody is, and leaves nobody', async () => {
    const before = await withClient(chain.pgUrl, (client) => client.query('SELECT count(*) FROM users'))
    for (const system of ['shop-pg', 'cache']) {
      const dry = await lethe(['restore', 'drill', '--system', system, '--dry-run'])
      expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('nothing was changed') })
      const ran = await lethe(['restore', 'drill', '--system', system, '--json'])
      expect(ran.err + ran.out).toContain('"verdict":"passed"')
      const [drill] = json(ran)
      expect(ran.code).toBe(0)
      expect(drill).toMatchObject({ intact: true, evidence: { canary: { left: 0 } } })
      expect(drill.evidence.canary.cameBack).toBeGreaterThan(0)
      expect(await chain.client().get(drill.evidence.requestId)).toMatchObject({
        status: 'COMPLETED',
        tenantId: 'lethe-drill',
      })
    }
    const list = await lethe(['restore', 'drills'])
    expect(list).toMatchObject({ code: 0, out: expect.stringMatching(/passed[\s\S]*passed/) })
    expect(await lethe(['restore', 'reviews'])).toMatchObject({ code: 0, out: 'Nothing to decide.\n' })
    const left = await withClient(chain.pgUrl, (client) =>
      client.query(
        `SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM pg_database WHERE datname LIKE 'lethe_drill_%') AS copies`,
      ),
    )
    expect(left.rows[0]).toEqual({ users: before.rows[0]?.count, copies: '0' })
  })

  it('clears away what the drill of a killed service had made, and erases its made-up person', async () => {
    const restores = new RestoreClient({
      url: environment.LETHE_RESTORE_URL ?? '',
      token: chain.context.secrets.token('operator'),
    })
    const drillId = randomUUID()
    await restores.startDrill('shop-pg', drillId)
    await until(
      'a drill that has put somebody in',
      () => restores.drill(drillId),
      ({ phase }) => ['backing_up', 'erasing', 'restoring', 'looking', 'replaying'].includes(phase),
    )
    await chain.crash('restore')
    await chain.restart('restore')
    const left = await until(
      'the end of the drill',
      () => restores.drill(drillId).catch(() => null),
      (view) => view !== null && view.finishedAt !== null,
    )
    expect(left).toMatchObject({ verdict: 'stopped', reasons: [{ code: 'interrupted' }], intact: true })
    await untilStatus(chain.client(), left?.evidence?.requestId ?? '', ['COMPLETED'])
    const copies = await withClient(chain.pgUrl, (client) =>
      client.query(
        `SELECT datname AS name FROM pg_database WHERE datname LIKE 'lethe_drill_%'
         UNION SELECT id FROM users WHERE id LIKE 'lethe-drill-%'`,
      ),
    )
    expect(copies.rows).toEqual([])
  })

  it('stops when its own database is restored from a dump, and has the tombstones back from the topic', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lethe-self-'))
    const database = new LetheDatabase(chain)
    const restores = new RestoreClient({
      url: environment.LETHE_RESTORE_URL ?? '',
      token: environment.LETHE_TOKEN ?? '',
    })
    const erase = async (userId: string) => {
      const done = await lethe([
        'request',
        '-t',
        'acme',
        '--user-id',
        userId,
        '--grace-days',
        '0',
        '--wait',
        '--json',
      ])
      expect(done.code).toBe(0)
      return json(done).at(-1).requestId as string
    }
    const verified = () => lethe(['tombstones', 'verify', '--json'])
    const unbroken = async () => (await verified()).code === 0
    const shop = (text: string, values: unknown[] = []) =>
      withClient(chain.pgUrl, async (client) => (await client.query(text, values)).rows)
    /** What a replay of the cache would be given of these requests. */
    const recovered = async (requestIds: readonly string[]) => {
      const response = await fetch(`${chain.context.at.requestUrl}/v1/tombstones`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${chain.context.secrets.token('restore')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ systemId: 'cache', reason: 'spec', after: '', limit: 100 }),
      })
      const { tombstones = [] } = (await response.json()) as {
        tombstones?: { requestId: string; subject: object | null }[]
      }
      return tombstones.filter(({ requestId }) => requestIds.includes(requestId))
    }
    const headRecords = (): number => {
      const head = JSON.parse(readFileSync(environment.LETHE_HEAD_FILE ?? '', 'utf8').split('\n')[0] ?? '{}')
      return head.partitions.reduce((sum: number, one: { records: number }) => sum + one.records, 0)
    }
    const people = () => shop(`SELECT id FROM users WHERE id IN ('u30', 'u31') ORDER BY id`)
    try {
      // The head speaks of the erasures above before the dump is taken.
      await until('an unbroken chain', unbroken, Boolean)
      const dump = join(folder, 'lethe.dump')
      await database.dump(dump)
      const saved = await shop(`SELECT to_json(users) AS person FROM users WHERE id IN ('u30', 'u31')`)
      const known = headRecords()
      const erased = await Promise.all([erase('u30'), erase('u31')])
      await until(
        'a head that knows of both',
        async () => headRecords(),
        (records) => records >= known + 4,
      )

      await database.restore(dump)
      const view = await until(
        'a block',
        () => restores.self().catch(() => null),
        (self) => self?.state === 'restored' && self.reasons.includes('identity'),
      )
      expect(view?.reasons).toEqual(expect.arrayContaining(['beat', 'identity', 'chain_behind']))
      const refused = await lethe([
        'request',
        '-t',
        'acme',
        '--user-id',
        'u32',
        '--grace-days',
        '0',
        '--json',
      ])
      expect(refused.code).not.toBe(0)
      expect(refused.err).toContain('restored')
      const clearance = await fetch(`${chain.context.at.requestUrl}/v1/clearance`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${chain.context.secrets.token('eraser-shop-pg')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({
          systemId: 'shop-pg',
          purpose: 'erase',
          passes: [{ requestId: erased[0], passId: 'shop-pg#1/initial', attempt: 1 }],
        }),
      })
      expect(await clearance.json()).toMatchObject({
        results: [{ decision: 'not_now', code: 'lethe_restored' }],
      })
      expect((await lethe(['restore', 'self', '--status'])).out).toContain('older copy of itself')
      expect((await verified()).code).toBe(1)
      // An open gate stays open: the shop is not to blame.
      expect(await restores.gate('shop-pg')).toMatchObject({ state: 'open' })

      const self = await lethe(['restore', 'self', '--json'])
      const report = json(self)[0].last.report
      expect(self.code).toBe(0)
      expect(report).toMatchObject({
        proof: 'exact',
        recovered: 4,
        lostRequests: 2,
        needsAccept: false,
        failed: null,
      })
      expect([...report.lostIds].sort()).toEqual([...erased].sort())
      // Of each: what is back, and what to do. Its last milestone may have been lost with the outbox.
      for (const one of report.lost)
        expect(one).toMatchObject({
          tombstones: ['cache', 'shop-pg'],
          advice: expect.stringMatching(/^(certificate_gone|ask_again)$/),
        })
      const { out: told } = await lethe(['restore', 'self', '--status'])
      for (const id of erased) expect(told).toContain(`lost request ${id} (tenant acme)`)
      expect(told).toContain('tombstones back: cache, shop-pg')
      expect(report.incarnation).not.toBeNull()
      expect(json(self)[0].state).toBe('ok')

      // Somebody puts the two back; nobody but the recovered tombstones knows of them.
      for (const { person } of saved)
        await shop('INSERT INTO users SELECT * FROM json_populate_record(NULL::users, $1)', [person])
      const again = await until(
        'a page of tombstones with both',
        () => recovered(erased),
        (found) => found.length === 2,
      )
      for (const { subject } of again) expect(subject).not.toBeNull()
      await restores.sweep('shop-pg')
      await until('both gone again', people, (left) => left.length === 0)

      // And everything goes on: a new erasure completes, and the chain is whole.
      await erase('u33')
      await until('an unbroken chain', unbroken, Boolean)
      await withClient(chain.letheUrl, (client) =>
        client.query(`UPDATE restore.chain SET sequence = sequence + 1 WHERE "offset" = 0`),
      )
      const broken = await verified()
      expect(broken.code).toBe(1)
      expect(broken.out).toContain('link_broken')
    } finally {
      await database.disconnect()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
