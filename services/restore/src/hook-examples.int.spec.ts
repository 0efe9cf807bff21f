import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ask } from './testing/cluster.js'
import { type Hammer, startLogins } from './testing/hammer.js'
import { HookedShop } from './testing/hooked-shop.js'
import { expectNeverReachable } from './testing/never-reachable.js'
import { round } from './testing/process.js'
import { Stand } from './testing/stand.js'

const minutes = 60_000
vi.setConfig({ testTimeout: 5 * minutes })
const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const LETHE = root('packages/cli/bin/lethe.mjs')

/** Stands in for WAL-G, which can't be had here: both of its commands that the example calls, on plain folders. */
const walG = (cluster: HookedShop['cluster']) => `#!/bin/sh
set -eu
case $1 in
  backup-fetch) [ "$3" = LATEST ] && cp -a ${cluster.path('base')} "$2" ;;
  wal-fetch) cp "${cluster.path('archive')}/$2" "$3" ;;
  *) exit 64 ;;
esac
`

/** What the init container of the manifest runs, on a volume of this machine. */
function initContainer(): string {
  const manifest = readFileSync(root('examples/restore-hooks/kubernetes.yaml'), 'utf8')
  const [, block = ''] = /- sh\n\s+- -euc\n\s+- \|\n([\s\S]*?)\n\s+env:/.exec(manifest) ?? []
  const script = block.replaceAll('/lethe/packages/cli/bin/lethe.mjs', LETHE)
  expect(script).toContain('restore prepare')
  return script
}

let shop: HookedShop
let stand: Stand<HookedShop>
let hammer: Hammer | null = null
let kept: unknown
let before: string
beforeAll(async () => {
  shop = await HookedShop.open(2_000)
  stand = await Stand.over(shop)
  const process = stand.process()
  await round(process)
  await shop.baseBackup('base')
  await round(process)
  kept = await shop.digest()
  const [row] = await ask(shop.url('postgres'), 'SELECT now()::text AS now')
  before = String(row?.now)
  await Promise.all(shop.erased.map((id) => stand.tombstone(id)))
  await shop.goOn()
  await round(process)
  await shop.archived()
  await process.guard.stop()
}, 3 * minutes)
afterEach(async () => {
  vi.unstubAllEnvs()
  await hammer?.stop()
  await shop.cluster.stop('immediate')
}, minutes)
afterAll(async () => {
  await stand?.detach()
  await shop?.close()
}, minutes)

const hammering = async () => {
  const { port } = shop.cluster
  hammer = startLogins({ port, roles: ['shop_app', 'boss'], database: 'shop', who: shop.erased })
  await hammer.knocking()
}
const run = (program: string, args: string[], env: Record<string, string>) =>
  promisify(execFile)(program, args, {
    env: { ...process.env, LETHE_RESTORE_URL: 'http://127.0.0.1:9', LETHE_TOKEN: 'nobody', ...env },
  })
const history = () => stand.store.history('shop-pg', 9)
const opens = async () => {
  const service = stand.process()
  const earlier = (await history()).length
  await expect
    .poll(() => round(service).then(async () => (await history()).slice(0, -earlier || undefined)), {
      timeout: 3 * minutes,
      interval: 20,
    })
    .toMatchObject([{ phase: 'opened' }])
  await expectNeverReachable(stand, hammer, kept, { away: true })
  await service.guard.stop()
}

describe('the example', () => {
  it('for WAL-G shuts what is fetched before its first start, and the server reads its archive to the point that was named', async () => {
    const bin = shop.cluster.path('bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'wal-g'), walG(shop.cluster))
    chmodSync(join(bin, 'wal-g'), 0o755)
    // Of the script, and of the server, which fetches its archive by the same command.
    vi.stubEnv('PATH', [bin, root('node_modules/.bin'), process.env.PATH].join(delimiter))
    await shop.cluster.stop('immediate')
    await run(root('examples/restore-hooks/wal-g.sh'), ['shop-pg', shop.cluster.path('restored')], {
      RECOVERY_TARGET_TIME: before,
    })
    await hammering()
    shop.cluster.start('restored')
    await opens()
    expect(shop.cluster.log()).toMatch(/restored log file/)
  })

  it('for Kubernetes shuts a volume that somebody calls restored, once, and leaves an ordinary restart alone', async () => {
    const volume = shop.cluster.path('volume')
    mkdirSync(volume)
    chmodSync(volume, 0o777)
    await shop.cluster.copy('base', 'volume/data')
    const init = () => run('sh', ['-euc', initContainer()], { VOLUME: volume, RESTORED: 'no' })
    await shop.cluster.touch('volume/restored')
    await init()
    expect(existsSync(join(volume, 'restored'))).toBe(false)
    await hammering()
    shop.cluster.start('volume/data')
    await opens()
    await shop.cluster.stop()
    await init()
    await shop.start('volume/data')
    expect(await ask(shop.url('shop_app'), 'SELECT 1 AS n')).toEqual([{ n: 1 }])
  })
})
