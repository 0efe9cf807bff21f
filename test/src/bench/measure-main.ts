// One look at where processor time goes: `node test/dist/bench/measure-main.js noop|stores N [concurrency] [profile folder]`.
import { openContext } from '@lethe/infra'
import { Installation } from './pipeline/installation.js'
import { closedLoop, openLoop } from './pipeline/load.js'
import { noopMap, peopleFrom, storesMap } from './pipeline/people.js'
import { noopSystems, Stores } from './pipeline/stores.js'

const LATENCY = `
  WITH t AS (SELECT live_erased_at - received_at AS live, completed_at - received_at AS done FROM read_model.requests)
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY live)::int AS live_p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY live)::int AS live_p99,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY done)::int AS done_p50 FROM t`
const HOPS = `
  WITH e AS (
    SELECT stream_id, version, type, coalesce(data->>'passId', '') AS pass, (data->>'at')::float8 AS decided,
      (data->>'finishedAt')::float8 AS finished, (data->>'startedAt')::float8 AS started,
      extract(epoch FROM pg_xact_commit_timestamp(transaction::xid)) * 1000 AS at
    FROM events.events)
  SELECT hop, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 1) AS p50, round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)::numeric, 1) AS p99
  FROM (
    SELECT '1 received to committed' AS hop, at - (SELECT (data->>'receivedAt')::float8 FROM events.events x WHERE x.stream_id = e.stream_id AND x.version = 1) AS ms FROM e WHERE type = 'PlanFrozen'
    UNION ALL SELECT '2 ' || r.pass || ' requested commit to grant decided', g.decided - r.at FROM e r JOIN e g USING (stream_id, pass) WHERE r.type = 'PassRequested' AND g.type = 'GrantIssued'
    UNION ALL SELECT '3 ' || r.pass || ' grant decided to commit', r.at - r.decided FROM e r WHERE r.type = 'GrantIssued'
    UNION ALL SELECT '4 ' || r.pass || ' grant commit to erased', a.finished - r.at FROM e r JOIN e a USING (stream_id, pass) WHERE r.type = 'GrantIssued' AND a.type = 'PassAcknowledged'
    UNION ALL SELECT '5 ' || r.pass || ' erased to ack committed', r.at - r.finished FROM e r WHERE r.type = 'PassAcknowledged'
  ) x GROUP BY hop ORDER BY hop`

const [kind = 'noop', count = '2000', concurrency = '64', profiles] = process.argv.slice(2)
const n = Number(count)
const context = await openContext()
const stores = kind === 'noop' ? null : await Stores.open(context, { search: kind === 'search' })
const ids = ['sys-a', 'sys-b', 'sys-c']
const installation = await Installation.start(context, {
  dataMap: stores ? storesMap(kind === 'search') : noopMap(ids),
  systems: stores ? stores.systems() : noopSystems(ids),
  ...(profiles ? { nodeArgs: (name: string) => ['--cpu-prof', `--cpu-prof-dir=${profiles}/${name}`] } : {}),
})
try {
  const warm = Math.min(500, n)
  const from = (await stores?.take(n + warm)) ?? 1
  await closedLoop(installation.target, peopleFrom(from, warm), 32)
  await installation.completed(warm)
  const before = installation.cpu()
  const begun = performance.now()
  const rate = process.env.RATE
  const people = peopleFrom(from + warm, n)
  const accepts = rate
    ? await openLoop(installation.target, people, Number(rate))
    : await closedLoop(installation.target, people, Number(concurrency))
  const accepted = performance.now()
  await installation.completed(warm + n)
  const done = performance.now()
  const after = installation.cpu()
  const calls = accepts.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((a, b) => a - b)
  console.log(
    `${kind} ${n}: accept ${Math.round((n * 1000) / (accepted - begun))}/s (p50 ${calls[n >> 1]?.toFixed(1)} p99 ${calls[Math.floor(n * 0.99)]?.toFixed(1)} ms), completed ${Math.round((n * 1000) / (done - begun))}/s`,
  )
  let total = 0
  for (const [name, seconds] of Object.entries(after)) {
    const per = ((seconds - (before[name] ?? 0)) * 1000) / n
    total += per
    console.log(`  ${name.padEnd(20)} ${per.toFixed(2)} s CPU per 1,000`)
  }
  console.log(`  ${'total'.padEnd(20)} ${total.toFixed(2)}`)
  const { rows } = await installation.pool.query(LATENCY)
  console.log(rows[0])
  const hops = await installation.pool.query(HOPS)
  for (const row of hops.rows) console.log(`  ${String(row.hop).padEnd(46)} p50 ${row.p50} p99 ${row.p99}`)
  const batches = await installation.pool.query(
    `SELECT type, count(*)::int AS events, count(DISTINCT transaction)::int AS transactions FROM events.events GROUP BY 1 ORDER BY 2 DESC`,
  )
  console.log(batches.rows.map((r) => `${r.type} ${r.events}/${r.transactions}`).join(', '))
} finally {
  await installation.stop()
  await stores?.close()
}
