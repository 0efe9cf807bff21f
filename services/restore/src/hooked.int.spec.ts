import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { prepareDataDirectory, prepareRunningServer, undoRunningServer } from '@lethe/connectors/postgres'
import type { Caller } from '@lethe/service-host'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ask } from './testing/cluster.js'
import { type Hammer, startLogins } from './testing/hammer.js'
import { HookedShop } from './testing/hooked-shop.js'
import { expectNeverReachable as neverReachable } from './testing/never-reachable.js'
import { officer, Stand } from './testing/stand.js'

/** Customers in the store. One in a hundred is erased, one in two hundred changed or new. */
const size = Number(process.env.LETHE_PROOF_SIZE ?? 100_000)
const hook: Caller = { id: 'backup-tool', roles: ['restore'], tenants: ['*'], systemId: null }
const systemId = 'shop-pg'
const replayRole = 'lethe_replay'
const minutes = 60_000
// Of a hundred thousand customers a backup and its restore take a while.
vi.setConfig({ testTimeout: 10 * minutes })

let shop: HookedShop
let stand: Stand<HookedShop>
let hammer: Hammer | null

beforeAll(async () => {
  shop = await HookedShop.open(size)
  // Every test starts from the same files.
  await shop.cluster.stop()
  await shop.cluster.copy('source', 'template')
}, 5 * minutes)
afterAll(() => shop?.close())

beforeEach(async () => {
  hammer = null
  await shop.cluster.remove('source')
  await shop.cluster.copy('template', 'source')
  await shop.start('source')
  stand = await Stand.over(shop)
}, 2 * minutes)
afterEach(async () => {
  await hammer?.stop()
  await stand.detach()
  await shop.cluster.stop('immediate')
}, minutes)

type Process = ReturnType<Stand['process']>
const round = async (process: Process) => {
  await process.guard.round()
  await process.guard.idle()
}
const latest = async () => (await stand.store.history(systemId, 1))[0]
const goesTo = (phase: string, process: Process) =>
  expect
    .poll(() => round(process).then(latest), { timeout: 10 * minutes, interval: 20 })
    .toMatchObject({ phase })
/** The application, and a superuser who is not Lethe's; resolves when they knock. */
const hammering = async () => {
  const { port } = shop.cluster
  hammer = startLogins({ port, roles: ['shop_app', 'boss'], database: 'shop', who: shop.erased.slice(0, 50) })
  await hammer.knocking()
  return hammer
}
const admin = () => shop.url('postgres', 'postgres')

/** A shop that Lethe watches, backed up, then one in a hundred erased, others changed and new. */
async function erasedSince<T>(
  process: Process,
  backUp: () => Promise<T>,
): Promise<{ kept: unknown; backup: T }> {
  await round(process)
  const kept = await shop.digest()
  const backup = await backUp()
  await round(process)
  await Promise.all(shop.erased.map((id) => stand.tombstone(id)))
  await shop.goOn()
  await round(process)
  expect(await stand.store.history(null, 10)).toEqual([])
  expect(await shop.found()).toBe(0)
  expect(await shop.digest()).not.toBe(kept)
  return { kept, backup }
}

/** A dump comes into a server that runs, a base backup into one that is down at first. */
const expectNeverReachable = (kept: unknown, given = { away: true }) =>
  neverReachable(stand, hammer, kept, given)

const prepare = () =>
  prepareDataDirectory({ systemId, dataDirectory: shop.cluster.path('restored'), replayRole, admit: [] })

/** As a backup tool calls it, on a machine from which the restore service can't be reached. */
async function prepareByCommand(): Promise<{ restoreId: string; told: boolean }> {
  const lethe = fileURLToPath(new URL('../../../packages/cli/bin/lethe.mjs', import.meta.url))
  const options = ['--system', systemId, '--data-directory', shop.cluster.path('restored'), '--json']
  const env = {
    ...process.env,
    LETHE_RESTORE_URL: 'http://127.0.0.1:9',
    LETHE_TOKEN: 'nobody takes this one',
  }
  const { stdout } = await promisify(execFile)(process.execPath, [lethe, 'restore', 'prepare', ...options], {
    env,
  })
  return JSON.parse(stdout)
}

const announce = (process: Process, restoreId: string) =>
  process.restores.announce(hook, { systemId, restoreId, gateMode: 'hooked' })

async function restoreBaseBackup(backup: string): Promise<void> {
  await shop.cluster.stop('immediate')
  await shop.cluster.remove('restored')
  await shop.cluster.copy(backup, 'restored')
}

describe('a base backup', () => {
  const backUp = async () => {
    await shop.cluster.remove('base')
    await shop.baseBackup('base')
    return 'base'
  }

  it('with the hook serves nobody before everybody erased is gone again, through a crash; then all is as it was', async () => {
    const process = stand.process()
    const { kept, backup } = await erasedSince(process, backUp)
    await restoreBaseBackup(backup)
    const prepared = prepare()
    await announce(process, prepared.restoreId)
    await hammering()
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'announced', waiting: [{ code: 'not_restored_yet' }] })
    shop.cluster.start('restored')
    await shop.answers(replayRole)
    // Who thinks that nothing has come in yet must not let it in unseen.
    await expect(process.restores.open(officer, prepared.restoreId, 'OPS-7')).rejects.toMatchObject({
      code: 'illegal_transition',
    })
    let pages = 0
    stand.source.before = () => {
      if (pages++ < 2) throw new Error('killed')
    }
    await round(stand.process())
    await goesTo('opened', stand.process())
    await expectNeverReachable(kept)
    expect(await latest()).toMatchObject({ announcedBy: 'hook', restoreId: prepared.restoreId })
    // The server's own settings again, at the latest with its next start.
    await shop.cluster.stop()
    await shop.start('restored')
    const [settings] = await ask(
      admin(),
      `SELECT current_setting('hba_file') AS hba, current_setting('hot_standby') AS standby, current_setting('lethe.gate', true) AS gate`,
    )
    expect(settings).toMatchObject({ hba: join(shop.cluster.path('restored'), 'pg_hba.conf'), standby: 'on' })
    expect(settings?.gate ?? '').toBe('')
    await round(process)
    expect(await stand.store.history(null, 10)).toHaveLength(1)
  })

  it('without the hook is open for a while, and shows people who were erased', async () => {
    const process = stand.process()
    const { backup } = await erasedSince(process, backUp)
    await restoreBaseBackup(backup)
    await hammering()
    shop.cluster.start('restored')
    await hammer?.sighting()
    // A superuser who is not Lethe's would be waited for without end.
    const seen = await hammer?.stop()
    await goesTo('opened', process)
    const restore = await latest()
    expect(restore).toMatchObject({
      gateMode: 'unhooked',
      announcedBy: 'marker',
      windowMs: expect.any(Number),
    })
    expect(seen?.firstInsideMs).toBeLessThan(restore?.shutAt ?? 0)
  })

  it('that nobody announced is found by its gate; one whose server was told to read other rules is called unhooked', async () => {
    const process = stand.process()
    const { kept, backup } = await erasedSince(process, backUp)
    await restoreBaseBackup(backup)
    const { restoreId, told } = await prepareByCommand()
    expect(told).toBe(false)
    await hammering()
    shop.cluster.start('restored')
    await goesTo('opened', process)
    await expectNeverReachable(kept)
    expect(await latest()).toMatchObject({ announcedBy: 'hook', restoreId })

    await restoreBaseBackup(backup)
    const again = prepare()
    expect(again.restoreId).not.toBe(restoreId)
    await announce(process, again.restoreId)
    await shop.start('restored', '-c', `hba_file=${join(shop.cluster.path('restored'), 'pg_hba.conf')}`)
    await goesTo('opened', process)
    expect(await latest()).toMatchObject({
      restoreId: again.restoreId,
      gateMode: 'unhooked',
      windowMs: expect.any(Number),
    })
  })
})

describe('point-in-time recovery', () => {
  const backUp = async () => {
    await shop.cluster.remove('base')
    await shop.baseBackup('base')
    // Rows that only the archive has.
    await ask(shop.url(), `INSERT INTO users VALUES ('late', 'late@example.com', '2026-01-01')`)
    const kept = await shop.digest()
    await ask(admin(), `SELECT pg_create_restore_point('before_erasure')`)
    return kept
  }
  const recoverTo = async (action: 'pause' | 'promote') => {
    await shop.archived()
    await restoreBaseBackup('base')
    setRecovery(action)
    await shop.cluster.touch('restored/recovery.signal')
  }
  const setRecovery = (action: 'pause' | 'promote') =>
    appendFileSync(
      join(shop.cluster.path('restored'), 'postgresql.conf'),
      `restore_command = 'cp ${shop.cluster.path('archive')}/%f %p'\nrecovery_target_name = 'before_erasure'\nrecovery_target_action = '${action}'\n`,
    )

  it('with the hook serves nobody, neither while it stands at its target nor afterwards, before the replay is done', async () => {
    const process = stand.process()
    const { backup: kept } = await erasedSince(process, backUp)
    await recoverTo('pause')
    const { restoreId, warnings } = prepare()
    expect(warnings.join()).toContain('recovery_target_action is pause')
    await announce(process, restoreId)
    await hammering()
    shop.cluster.start('restored')
    // Where nobody may look, there is nothing to pause for: the server ends at its target.
    await shop.cluster.ended()
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'announced' })
    setRecovery('promote')
    shop.cluster.start('restored')
    await goesTo('opened', process)
    await expectNeverReachable(kept)
  })

  it('without the hook shows the erased to anybody while it is paused', async () => {
    await erasedSince(stand.process(), backUp)
    await recoverTo('pause')
    await hammering()
    shop.cluster.start('restored')
    await hammer?.sighting()
    const [state] = await ask(shop.url('boss'), 'SELECT pg_is_in_recovery() AS recovering')
    expect(state).toEqual({ recovering: true })
  })
})

describe('a dump', () => {
  const backUp = async () => {
    await shop.dump('shop.dump')
    return 'shop.dump'
  }
  /** Somebody is erased behind the dump's snapshot and before its end: the dump has them all the same. */
  const backUpWhileErasing = async () => {
    const [first = ''] = shop.erased
    const erasing = new pg.Client({ connectionString: shop.url() })
    await erasing.connect()
    try {
      await erasing.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
      const dumping = backUp()
      await expect
        .poll(
          () =>
            ask(
              admin(),
              `SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'`,
            ),
          { timeout: minutes },
        )
        .toHaveLength(1)
      await stand.tombstone(first)
      await erasing.query('DELETE FROM orders WHERE user_id = $1', [first])
      await erasing.query('DELETE FROM users WHERE id = $1', [first])
      await erasing.query('COMMIT')
      return await dumping
    } finally {
      await erasing.end()
    }
  }
  const prepareServer = () =>
    prepareRunningServer({ systemId, url: admin(), database: 'shop', replayRole, restoringRole: 'postgres' })

  it('restored with the hook and --create, into a database that is dropped and made again, serves nobody in between', async () => {
    const process = stand.process()
    const { kept, backup } = await erasedSince(process, backUp)
    const before = readFileSync(join(shop.cluster.path('source'), 'pg_hba.conf'), 'utf8')
    const { restoreId, already } = await prepareServer()
    expect(already).toBe(false)
    await announce(process, restoreId)
    await hammering()
    await round(process)
    expect(await latest()).toMatchObject({ phase: 'announced', waiting: [{ code: 'not_restored_yet' }] })
    const loading = { done: false }
    const loaded = shop
      .load(backup, 'postgres', '--clean', '--if-exists', '--create')
      .finally(() => Object.assign(loading, { done: true }))
    while (!loading.done) await round(process)
    await loaded
    // Prepared once more while it is shut: the same restore, and nobody is thrown out.
    if ((await latest())?.phase !== 'opened')
      expect(await prepareServer()).toMatchObject({ already: true, restoreId })
    await goesTo('opened', process)
    await expectNeverReachable(kept, { away: false })
    expect(await latest()).toMatchObject({ restoreId })
    await undoRunningServer({ systemId, url: admin() })
    expect(readFileSync(join(shop.cluster.path('source'), 'pg_hba.conf'), 'utf8')).toBe(before)
    expect(await ask(shop.url('shop_app'), 'SELECT 1 AS n')).toEqual([{ n: 1 }])
  })

  it('restored with the hook into the database that stands there, by several workers, serves nobody in between', async () => {
    const process = stand.process()
    const { kept, backup } = await erasedSince(process, backUpWhileErasing)
    const { restoreId } = await prepareServer()
    await hammering()
    await shop.load(backup, 'shop', '--clean', '--if-exists', '-j', '2')
    await goesTo('opened', process)
    await expectNeverReachable(kept, { away: false })
    expect(await latest()).toMatchObject({ announcedBy: 'hook', restoreId })
  })

  it('without the hook shows people who were erased', async () => {
    const process = stand.process()
    const { backup } = await erasedSince(process, backUp)
    await process.guard.stop()
    await ask(admin(), 'DROP DATABASE shop WITH (FORCE)')
    const hammer = await hammering()
    await shop.load(backup, 'postgres', '--create')
    await hammer.sighting()
  })

  it('is neither held up nor started over by a role that was let in and keeps coming back', async () => {
    const process = stand.process()
    await round(process)
    await ask(admin(), 'CREATE ROLE shop_probe LOGIN')
    const coming = { back: true }
    const probing = (async () => {
      while (coming.back) await ask(shop.url('shop_probe'), 'SELECT pg_sleep(0.01)').catch(() => null)
    })()
    try {
      const given = { systemId, url: admin(), database: 'shop', replayRole, restoringRole: 'postgres' }
      const { restoreId } = await prepareRunningServer({ ...given, admit: ['shop_probe'] })
      await announce(process, restoreId)
      await stand.tombstone('u1')
      await process.restores.announce(hook, { systemId, gateMode: 'unhooked' })
      await goesTo('opened', process)
      expect(await latest()).toMatchObject({ gateMode: 'hooked', run: 1, sessionsEnded: 0 })
      expect(await ask(shop.url('shop_probe'), 'SELECT 1 AS n')).toEqual([{ n: 1 }])
    } finally {
      coming.back = false
      await probing
    }
  })

  it('that does not come after all: an officer opens; a broken glass is shut again, and the restore called hooked no more', async () => {
    const process = stand.process()
    await round(process)
    const refused = (role: string) =>
      expect(ask(shop.url(role), 'SELECT 1')).rejects.toThrow(/rejects connection/)
    const { restoreId } = await prepareServer()
    await announce(process, restoreId)
    await round(process)
    await refused('boss')
    expect(await ask(shop.url('boss', 'postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }])
    await process.restores.open(officer, restoreId, 'OPS-7')
    expect(await latest()).toMatchObject({ phase: 'opened' })
    expect(await ask(shop.url('shop_app'), 'SELECT 1 AS n')).toEqual([{ n: 1 }])

    await stand.tombstone('u1', { held: true })
    const again = await prepareServer()
    expect(again).toMatchObject({ already: false, restoreId: expect.not.stringContaining(restoreId) })
    // Told by a person that the copy is in, as for a dump that has no marker.
    await process.restores.announce(hook, { systemId, gateMode: 'unhooked' })
    await process.guard.idle()
    expect(await latest()).toMatchObject({ phase: 'waiting', gateMode: 'hooked', windowMs: null, held: 1 })
    await refused('shop_app')
    await ask(
      shop.url(replayRole, 'postgres'),
      `COPY (SELECT 'nobody') TO '${again.switchFile}'; SELECT pg_reload_conf()`,
    )
    await expect.poll(() => ask(shop.url('shop_app'), 'SELECT 1').catch(() => null)).not.toBeNull()
    await round(process)
    await refused('shop_app')
    expect(await latest()).toMatchObject({
      phase: 'waiting',
      gateMode: 'unhooked',
      windowMs: expect.any(Number),
      foundOpen: [{ sessionsEnded: expect.any(Number) }],
    })
  })

  it('or a base backup, whose replay role could not open the gate again, is refused, or waits and says so', async () => {
    const process = stand.process()
    await round(process)
    await ask(admin(), `REVOKE pg_write_server_files FROM ${replayRole}`)
    await expect(prepareServer()).rejects.toThrow(/GRANT pg_write_server_files TO lethe_replay;/)
    await shop.cluster.remove('base')
    await shop.baseBackup('base')
    await restoreBaseBackup('base')
    const { restoreId } = prepare()
    await announce(process, restoreId)
    await shop.start('restored')
    await round(process)
    expect(await latest()).toMatchObject({
      phase: 'announced',
      waiting: [{ code: 'gate_not_operable', counts: { gate_not_operable: 1 } }],
    })
    await expect(ask(shop.url('boss'), 'SELECT 1')).rejects.toThrow(/rejects connection/)
  })
})
