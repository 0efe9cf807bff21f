import { randomBytes } from 'node:crypto'
import { endpoints } from '@lethe/infra'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from './index.js'

const name = `lethe_test_${randomBytes(6).toString('hex')}`
/** The superuser, or with the rights of a role, whose password only the local stack knows. */
const at = (database: string, role?: string): string => {
  const url = new URL(endpoints().lethePostgresUrl)
  url.pathname = `/${database}`
  if (role) url.searchParams.set('options', `-c role=${role}`)
  return url.toString()
}
const url = at(name)

async function run(connectionString: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

beforeAll(() => run(at('postgres'), `CREATE DATABASE ${name}`))
afterAll(() => run(at('postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))

describe('migrations', () => {
  it('are run once when several processes start at once, and not again', async () => {
    const runs = await Promise.all([migrate(url), migrate(url), migrate(url)])
    expect(runs.flat().sort()).toEqual([
      '0001_event-log',
      '0002_outbox-inbox',
      '0003_vault-read-models-audit',
      '0004_roles',
      '0005_vault-epochs',
      '0006_restore',
      '0007_room-for-updates',
      '0008_ops',
      '0009_ops-actions',
      '0010_tombstone-chain',
      '0011_drills',
      '0012_ordered-indexes',
      '0013_tombstone-imports',
      '0014_eraser-beats',
      '0015_reviews',
      '0016_request-counts',
      '0017_bulk-actions',
      '0018_marker-map',
      '0019_open-tasks',
      '0020_list-cells',
      '0021_found-open',
      '0022_replay-pages',
      '0023_list-marks',
      '0024_ops-reads-openings',
      '0025_replay-pages-as-they-are',
    ])
    expect(await migrate(url)).toEqual([])
  })

  it('publish the outbox and its heartbeat, and nothing else', async () => {
    const tables = await run(
      url,
      'SELECT schemaname, tablename FROM pg_publication_tables ORDER BY tablename',
    )
    expect(tables).toEqual([
      { schemaname: 'outbox', tablename: 'heartbeat' },
      { schemaname: 'outbox', tablename: 'message' },
    ])
  })
})

describe('roles', () => {
  const allowed: [role: string, statement: string][] = [
    ['lethe_request', 'SELECT * FROM vault.entries'],
    ['lethe_request', "INSERT INTO events.idempotency VALUES ('t', 'd', 'r')"],
    ['lethe_request', 'DELETE FROM outbox.message'],
    ['lethe_aggregator', 'SELECT epoch, sealed FROM vault.entries'],
    ['lethe_aggregator', 'SELECT epoch, destroyed_at FROM vault.epochs'],
    ['lethe_aggregator', "INSERT INTO inbox.offsets VALUES ('aggregator', 't', 0, 1)"],
    ['lethe_aggregator', 'SELECT request_id FROM read_model.requests FOR UPDATE SKIP LOCKED'],
    ['lethe_ops', 'SELECT * FROM read_model.verifications'],
    ['lethe_ops', 'SELECT * FROM inbox.offsets'],
    ['lethe_ops', 'SELECT * FROM events.events'],
    ['lethe_ops', 'SELECT * FROM machine.beats'],
    [
      'lethe_ops',
      "INSERT INTO audit.views (at, credential_id, view, request_id, found) VALUES (1, 'a', 'b', 'c', true)",
    ],
    [
      'lethe_ops',
      "INSERT INTO audit.actions (at, action_id, credential_id, action, target, outcome) VALUES (1, 'a', 'b', 'c', 'd', 'e')",
    ],
    ['lethe_request', 'SELECT state FROM restore.gates'],
    ['lethe_request', "INSERT INTO restore.suspicions VALUES ('cache', 1) ON CONFLICT DO NOTHING"],
    [
      'lethe_restore',
      "INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('cache', 'shut', 'enforced', 1)",
    ],
    ['lethe_restore', 'SELECT * FROM read_model.tombstones'],
    [
      'lethe_connect',
      'INSERT INTO outbox.heartbeat VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET at = now()',
    ],
  ]
  for (const [role, statement] of allowed)
    it(`${role} may: ${statement}`, async () => {
      await expect(run(at(name, role), statement)).resolves.toBeDefined()
    })

  const refused: [role: string, statement: string][] = [
    ['lethe_request', "UPDATE events.events SET type = 'x'"],
    ['lethe_request', 'DELETE FROM events.events'],
    ['lethe_request', 'UPDATE audit.clearances SET at = 0'],
    ['lethe_request', 'DELETE FROM audit.vault_reads'],
    ['lethe_request', 'DELETE FROM vault.epochs'],
    ['lethe_request', 'SELECT * FROM inbox.offsets'],
    ['lethe_request', "UPDATE restore.gates SET state = 'open'"],
    ['lethe_restore', 'SELECT * FROM vault.entries'],
    ['lethe_restore', 'DELETE FROM audit.restores'],
    ['lethe_aggregator', 'DELETE FROM vault.entries'],
    ['lethe_aggregator', 'SELECT * FROM vault.digests'],
    ['lethe_aggregator', 'SELECT * FROM vault.notes'],
    ['lethe_aggregator', 'UPDATE vault.epochs SET destroyed_at = 0'],
    ['lethe_aggregator', 'DELETE FROM events.streams'],
    ['lethe_aggregator', 'SELECT * FROM audit.clearances'],
    ['lethe_ops', "UPDATE read_model.requests SET status = 'COMPLETED'"],
    ['lethe_ops', 'SELECT * FROM vault.entries'],
    ['lethe_ops', 'SELECT * FROM vault.digests'],
    ['lethe_ops', 'SELECT * FROM events.idempotency'],
    ['lethe_ops', 'SELECT * FROM audit.views'],
    ['lethe_ops', 'DELETE FROM audit.views'],
    ['lethe_ops', 'SELECT * FROM audit.actions'],
    ['lethe_ops', "UPDATE audit.actions SET outcome = 'done'"],
    ['lethe_ops', 'DELETE FROM machine.beats'],
    ['lethe_ops', 'UPDATE inbox.offsets SET next_offset = 0'],
    ['lethe_ops', "INSERT INTO events.events (stream_id, version, type, data) VALUES ('s', 1, 't', '{}')"],
    ['lethe_ops', 'SELECT * FROM outbox.message'],
    ['lethe_connect', 'SELECT * FROM events.events'],
    ['lethe_connect', 'DELETE FROM outbox.message'],
    ['lethe_ops', 'CREATE TABLE public.mine (id int)'],
  ]
  for (const [role, statement] of refused)
    it(`${role} may not: ${statement}`, async () => {
      await expect(run(at(name, role), statement)).rejects.toMatchObject({ code: '42501' })
    })
})
