import type { StackContext } from '@lethe/infra'
import { withClient } from '@lethe/infra'
import { aimOf, boundOf, medianOf } from '../measures/aims.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { anyOf, asking, type Given, rowByRow, timed, using } from './peers.js'
import { RequestStandIn, SYSTEM } from './request-stand-in.js'
import { POLL_MS, RestoreService } from './service.js'
import { BenchShop } from './shop.js'
import { course, marked, movedOn, until } from './watching.js'

export interface RestoreSizes extends Given {
  readonly repetitions: number
  /** Tombstones of the small restores, and rows of their store. */
  readonly few: number
  readonly smallRestores: number
  /** Rows of the sample that stands for row by row. */
  readonly sample: number
  /** How long a throttled sweep is watched, seconds. */
  readonly throttledSeconds: number
}

const REPLAY = 'Replay on a restored table'
const LETHE = 'Lethe: replay through the connector, counts recorded'
const LETHE_PROBE = 'Lethe: probe of everybody afterwards'
const DIGESTS = 'Lethe: replay where only digests are left'
const ANY = '= ANY, 5,000 at a time'
const USING = 'DELETE … USING a temporary table'
const ROW = 'row by row, each committed (from a sample)'
const ROW_1000 = 'row by row, 1,000 to a transaction (from a sample)'
const SWEEP = 'Sweep of a live store'
const SWEPT = 'Lethe: sweep without rest'
const BARE = 'SELECT … = ANY, 5,000 at a time'
const SHARE = 'Lethe: share of the time the store works for a throttled sweep'
const MEMORY = 'Peak memory of the restore service'
const DETECTION = 'From a restored copy in reach to its shut gate'
const SHUT = 'Lethe: shut'

export interface RestoreGround {
  readonly context: StackContext
  readonly sizes: RestoreSizes
  say(text: string): void
  /** Told after every step, so that a run that is ended early has left what it had. */
  keep(samples: readonly Sample[]): void
}

/** Everything of one run, in the order in which one step leaves the store to the next. */
export async function measureRestore({ context, sizes, say, keep }: RestoreGround): Promise<void> {
  const shop = new BenchShop(context.at.shopPostgresUrl)
  const request = await RequestStandIn.start()
  await shop.create()
  const service = await RestoreService.prepare(context, { requestUrl: request.url, shopUrl: shop.url })
  const samples: Sample[] = []
  const add = (measure: string, subject: string, unit: string, value: number) => {
    samples.push({ measure, subject, unit, value })
    say(`${subject}: ${value.toPrecision(4)} ${unit}`)
    keep(samples)
  }
  try {
    await service.start(1)
    await marked(shop)
    request.given({ tombstones: sizes.few, rows: sizes.few })
    await shop.backUp(sizes.few)
    for (let n = 0; n < sizes.smallRestores; n++) {
      // A backup that is restored before the next look has the marker it left: nobody could tell it from the store.
      await movedOn(shop)
      const { detection, replayed } = await course(service.pool, await shop.restore())
      expectAll(replayed, sizes.few)
      add(DETECTION, SHUT, 'poll intervals', (detection * 1_000) / POLL_MS)
    }
    add(MEMORY, of(sizes.few), 'MiB', service.peakBytes() / 2 ** 20)
    await service.end()

    await shop.backUp(sizes.rows)
    say(`a backup of ${sizes.rows} rows`)
    request.given(sizes)
    for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
      await shop.onCopy(async (client) => {
        add(REPLAY, ANY, 's', await anyOf(client, sizes))
      })
      await service.start(1)
      await movedOn(shop)
      const { replay, probe, replayed } = await course(service.pool, await shop.restore())
      expectAll(replayed, sizes.tombstones)
      add(REPLAY, LETHE, 's', replay)
      add(REPLAY, LETHE_PROBE, 's', probe)
      add(MEMORY, of(sizes.tombstones), 'MiB', service.peakBytes() / 2 ** 20)
      await shop.onCopy(async (client) => {
        add(REPLAY, ROW, 's', await rowByRow(client, sizes, 1, 0, sizes.sample))
        add(REPLAY, ROW_1000, 's', await rowByRow(client, sizes, 1_000, sizes.sample, sizes.sample * 10))
      })
      await shop.onCopy(async (client) => {
        add(REPLAY, USING, 's', await using(client, sizes))
      })
      await completed(service, sizes.tombstones)
      add(SWEEP, BARE, 's', await withClient(shop.url, (client) => asking(client, sizes)))
      add(SWEEP, SWEPT, 's', await timed(() => swept(service)))
      request.forget()
      await service.start(1)
      await movedOn(shop)
      const matched = await course(service.pool, await shop.restore())
      expectAll(matched.replayed, sizes.tombstones)
      add(REPLAY, DIGESTS, 's', matched.replay)
      request.remember()
    }
    await service.start(null)
    await service.sweep()
    add(SWEEP, SHARE, 'of its time', await shareOfStore(shop, sizes.throttledSeconds))
  } finally {
    await service.stop()
    request.stop()
    await shop.drop()
  }
}

const of = (tombstones: number): string => `Lethe: ${tombstones.toLocaleString('en')} tombstones`

function expectAll(replayed: number, wanted: number): void {
  if (replayed !== wanted) throw new Error(`a replay erased ${replayed} of ${wanted}`)
}

/** Everybody's request is done: a sweep looks for nobody else. */
async function completed(service: RestoreService, tombstones: number): Promise<void> {
  await service.pool.query(
    `INSERT INTO read_model.requests (request_id, tenant_id, subject_ref, version, status, regime, channel,
       requester_role, requested_by, ground, received_at, due_at, holds, systems_total, systems_done, completed_at,
       backup_clear, system_marks)
     SELECT id, 'shop', id, 1, 'COMPLETED', 'gdpr', 'http', 'self', 'bench', '17(1)(b)', 1, 2, '[]', 1, 1, 3, false, 0
     FROM (SELECT '019a0000-0000-7000-9000-' || lpad(to_hex(n), 12, '0') AS id FROM generate_series(0, $1::int - 1) n) ids
     ON CONFLICT DO NOTHING`,
    [tombstones],
  )
  await service.pool.query('VACUUM ANALYZE read_model.requests')
}

async function swept(service: RestoreService): Promise<void> {
  const { rows } = await service.pool.query<{ now: string }>('SELECT count(*) AS now FROM restore.sweeps')
  await service.sweep()
  const before = Number(rows[0]?.now)
  const sweep = await until('the sweep ends', 3_600_000, async () => {
    const { rows: sweeps } = await service.pool.query<{ restore_id: string | null; finished: boolean }>(
      `SELECT restore_id, finished_at IS NOT NULL AS finished FROM restore.sweeps WHERE system_id = $1
       ORDER BY started_at DESC OFFSET 0 LIMIT greatest(0, (SELECT count(*) FROM restore.sweeps) - $2)`,
      [SYSTEM, before],
    )
    return sweeps[0]?.finished ? sweeps[0] : null
  })
  if (sweep.restore_id !== null) throw new Error('the sweep found somebody, or could not look')
}

/** Time the server spent in statements on the store, per time that went by. */
async function shareOfStore(shop: BenchShop, seconds: number): Promise<number> {
  const active = () =>
    withClient(new URL('/postgres', shop.url).href, async (client) => {
      const { rows } = await client.query<{ ms: number }>(
        'SELECT active_time AS ms FROM pg_stat_database WHERE datname = $1',
        [shop.name],
      )
      return rows[0]?.ms ?? 0
    })
  const before = await active()
  const took = await timed(() => new Promise((resolve) => setTimeout(resolve, seconds * 1_000)))
  return ((await active()) - before) / 1_000 / took
}

/** What the issue asks, of what this run measured. */
export function restoreAims(rows: readonly Row[], { few, tombstones }: RestoreSizes): Aim[] {
  const better = [ANY, USING].reduce((a, b) =>
    (medianOf(rows, REPLAY, b) ?? Number.POSITIVE_INFINITY) <
    (medianOf(rows, REPLAY, a) ?? Number.POSITIVE_INFINITY)
      ? b
      : a,
  )
  return [
    aimOf(rows, REPLAY, '<= 1.15 of the better peer', LETHE, better, { atMost: 1.15 }),
    aimOf(rows, REPLAY, 'digests <= 1.5 of the better peer', DIGESTS, better, { atMost: 1.5 }),
    aimOf(rows, REPLAY, 'row by row takes >= 20 times as long', ROW, LETHE, { atLeast: 20 }),
    aimOf(rows, SWEEP, '<= 1.3 of the bare query', SWEPT, BARE, { atMost: 1.3 }),
    boundOf(rows, SWEEP, '<= 0.1 of the store’s time by default', SHARE, { atMost: 0.1 }),
    aimOf(rows, MEMORY, '<= 1.2 of a small one', of(tombstones), of(few), { atMost: 1.2 }),
    boundOf(rows, DETECTION, '<= 2 poll intervals', SHUT, { atMost: 2 }),
  ]
}
