// `npm run demo`: one person erased from a real shop, on the real stack, and looked for afterwards with
// queries that share no code with what erased.
import { down, endpoints, up } from '@lethe/infra'
import { digestOfOthers, type Footprint, footprint, sizeOf } from '../shop/oracle.js'
import { ada, lookAlike } from '../shop/seed.js'
import { clientOf, restoreClientOf, tokenFile } from './client.js'
import { eraseWithProgress } from './erase.js'
import { heading, line, say } from './print.js'
import { looksNobodyShares } from './proof.js'
import { backUpShop, restoreShop, type ShopBackup, watchAsApplication } from './restore.js'
import { freshShop } from './shop.js'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => interrupted.abort(new Error('interrupted')))

const docker = process.argv.includes('--docker')
const size = { customers: 20_000 }
const stays = process.stdout.isTTY === true && !process.argv.includes('--stop')

/** Prints what `up` reports, and each thing once: the second call only adds processes. */
function reporter(): (text: string) => void {
  const said = new Set<string>()
  return (text) => {
    const name = text.replace(/ (was running )?\([\d.]+ s\)$/, '')
    if (!said.has(name)) line(text)
    said.add(name)
  }
}

async function demo(): Promise<boolean> {
  const begun = Date.now()
  const signal = interrupted.signal
  const report = reporter()
  heading('1. The stack: PostgreSQL (two), Redis, Kafka, Kafka Connect with Debezium, a schema registry')
  await up('core', { signal, report, docker })
  heading('2. A shop with 20,000 customers, eight tables that refer to them, and 100,000 cached keys')
  const at = endpoints()
  await freshShop(at.shopPostgresUrl, at.shopRedisUrl, size)
  heading("3. Lethe's processes: request, aggregator, restore, ops, and an eraser and a probe per system")
  await up('services', { signal, report, docker })

  heading(`4. What is held about ${ada.email} of ${ada.tenantId}? (a preview; nothing changes)`)
  const client = clientOf(at)
  const preview = await client.preview({
    tenantId: ada.tenantId,
    identifiers: [{ type: 'email', value: ada.email }],
  })
  for (const [systemId, counts] of Object.entries(preview.systems)) {
    for (const [collection, { found }] of Object.entries(counts)) {
      if (found > 0) line(`${systemId.padEnd(9)} ${collection.padEnd(40)} ${found}`)
    }
  }
  const before = await footprint(at.shopPostgresUrl, at.shopRedisUrl, ada)
  const othersBefore = await digestOfOthers(at.shopPostgresUrl, at.shopRedisUrl, before)
  line(
    `counted by plain SQL and SCAN: ${sizeOf(before)} rows and keys; the cache knows only the id ${ada.userId}`,
  )

  const backup = docker ? null : await backUpShop()
  if (backup)
    line(`a backup of the shop was taken at ${backup.takenAt.toISOString().slice(11, 19)}, with Ada in it`)

  heading('5. The erasure, named by e-mail only')
  const done = await eraseWithProgress(client, ada, signal)

  heading('6. The verification view: what independent probes found afterwards')
  const { items } = await client.verification(done.requestId)
  for (const { systemId, result, residual } of items) {
    const left = Object.values(residual ?? {}).reduce((sum, n) => sum + n, 0)
    line(
      `${systemId.padEnd(9)} ${result} (${Object.keys(residual ?? {}).length} places looked at, ${left} matches)`,
    )
  }

  heading('7. The same question, asked by queries that share no code with Lethe')
  const proven = await proof(at, before, othersBefore)
  const stayed = backup === null ? true : await comesBack(at, backup, signal)
  if (backup === null) line('(no pg_dump here: the restore is not shown)')
  const ok = proven && stayed && done.status === 'COMPLETED'
  say('')
  say(
    ok
      ? `Erased, verified, and erased again when a backup brought her back. ${((Date.now() - begun) / 1000).toFixed(0)} s in all.`
      : `NOT proven: the request is ${done.status}.`,
  )
  return ok
}

/** The backup from before the erasure is restored by somebody who knows nothing of Lethe. */
async function comesBack(
  at: ReturnType<typeof endpoints>,
  backup: ShopBackup,
  signal: AbortSignal,
): Promise<boolean> {
  heading('8. The backup from before is restored, and nobody tells Lethe')
  try {
    const restoring = restoreShop(backup).then(async () => {
      const back = await looksNobodyShares(at.shopPostgresUrl, at.shopRedisUrl, ada).catch(() => 0)
      line(`the database's superuser, whom no gate keeps out, looks right after: Ada in ${back} places`)
    })
    const changes = await watchAsApplication(ada, restoring, signal)
    await restoring
    const [restore] = await restoreClientOf(at).restores('shop-pg')
    if (restore)
      line(
        `Lethe: ${restore.tombstones} live tombstone, ${restore.replayed} erased again, gate ${restore.phase}`,
      )
    const places = await looksNobodyShares(at.shopPostgresUrl, at.shopRedisUrl, ada)
    line(`Ada, in every column of every table and every key: ${places} places`)
    const other = await footprint(at.shopPostgresUrl, at.shopRedisUrl, lookAlike)
    line(`her look-alike: ${sizeOf(other)} rows and keys, as restored`)
    return places === 0 && changes.includes('refused')
  } finally {
    backup.drop()
  }
}

async function proof(
  at: ReturnType<typeof endpoints>,
  before: Footprint,
  othersBefore: string,
): Promise<boolean> {
  const places = await looksNobodyShares(at.shopPostgresUrl, at.shopRedisUrl, ada)
  line(`Ada, in every column of every table and every key: ${places} places`)
  const other = await footprint(at.shopPostgresUrl, at.shopRedisUrl, lookAlike)
  line(`her look-alike ${lookAlike.userId} <${lookAlike.email}>: ${sizeOf(other)} rows and keys, as before`)
  const same = (await digestOfOthers(at.shopPostgresUrl, at.shopRedisUrl, before)) === othersBefore
  line(`everyone else, byte for byte: ${same ? 'identical' : 'CHANGED'}`)
  return places === 0 && same
}

async function waitForCtrlC(): Promise<void> {
  const at = endpoints()
  say('')
  say(`request service   ${at.requestUrl}   (API: ${at.requestUrl}/openapi.json)`)
  say(
    `ops console       http://127.0.0.1:${at.ports.ops}/   (sign in with the text of ${tokenFile('viewer')})`,
  )
  say('look around       npm run lethe -- list | show <id> --events | status | logs aggregator')
  say('Ctrl-C stops everything this started.')
  await new Promise<void>((resolve) => {
    const keepAlive = setInterval(() => undefined, 60_000)
    interrupted.signal.addEventListener('abort', () => {
      clearInterval(keepAlive)
      resolve()
    })
  })
}

try {
  const ok = await demo()
  if (ok && stays) await waitForCtrlC()
  process.exitCode = ok ? 0 : 1
} catch (error) {
  say('')
  say(
    interrupted.signal.aborted
      ? 'Interrupted.'
      : `The demonstration stopped: ${error instanceof Error ? error.message : String(error)}`,
  )
  process.exitCode = interrupted.signal.aborted ? 130 : 1
} finally {
  say('')
  say('Stopping what was started.')
  await down()
}
