import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

let stand: Stand
let ops: Ops
let restore: Server
let asked: { path: string; authorization: string }[]
let answer: { status: number; body: unknown }

const DAY = 86_400_000
const NOW = Date.now()

/** As the restore service writes it. */
const put = (restoreId: string, phase: string, announcedAt: number, more: object = {}) =>
  stand.pool.query(
    `INSERT INTO restore.restores SELECT * FROM jsonb_populate_record(NULL::restore.restores, $1::jsonb)`,
    [
      JSON.stringify({
        restore_id: restoreId,
        system_id: 'shop-pg',
        announced_by: 'marker',
        gate_mode: 'unhooked',
        phase,
        announced_at: announcedAt,
        marker_foreign: false,
        sessions_ended: 0,
        run: 1,
        cursor: '',
        tombstones: 0,
        replayed: 0,
        already_absent: 0,
        held: 0,
        unreadable: 0,
        failed: {},
        inconclusive: {},
        residual: {},
        waiting: [],
        ...more,
      }),
    ],
  )

const tombstone = (id: string) =>
  stand.pool.query(
    `INSERT INTO read_model.tombstones (tombstone_id, request_id, system_id, tenant_id, subject_ref, sequence, epoch,
       map_version, effective_at, expires_at) VALUES ($1, $1, 'shop-pg', 'shop', $1, 1, 'e', 1, 1, $2)`,
    [id, NOW + DAY],
  )

beforeAll(async () => {
  stand = await Stand.open()
  restore = createServer((request, response) => {
    asked.push({ path: request.url ?? '', authorization: request.headers.authorization ?? '' })
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => restore.listen(0, '127.0.0.1', resolve))
  for (const id of ['a', 'b', 'c', 'd']) await tombstone(id)
  await put('r-old', 'superseded', NOW - 3 * DAY)
  await put('r-done', 'opened', NOW - 2 * DAY, {
    opened_at: NOW - DAY,
    tombstones: 4,
    replayed: 1,
    already_absent: 3,
    window_ms: 900,
    evidence: { by: 'officer', tombstones: 4 },
  })
  await put('r-now', 'replaying', NOW, { cursor: 'b', tombstones: 2 })
  await put('r-waits', 'waiting', NOW, {
    system_id: 'cache',
    held: 1,
    waiting: [{ code: 'held', detail: 'People under a hold.', counts: { tombstones: 1 } }],
  })
  ops = await stand.start({ restoreUrl: `http://127.0.0.1:${(restore.address() as AddressInfo).port}` })
})

afterAll(async () => {
  await stand?.close()
  await new Promise((resolve) => restore.close(resolve))
})

interface Listed {
  readonly items: readonly { readonly restoreId: string; readonly progress: unknown }[]
  readonly nextCursor: string | null
}

async function list(query = ''): Promise<Listed> {
  const { status, body } = await ops.get<Listed>(`/v1/restores${query}`)
  expect(status).toBe(200)
  answers.restores.parse(body)
  return body
}

describe('restores', () => {
  it('are listed newest first, each once over all pages, by system and by whether they are under way', async () => {
    const ids: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Listed = await list(`?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
      ids.push(...page.items.map(({ restoreId }) => restoreId))
      cursor = page.nextCursor
    }
    expect(ids).toEqual(['r-waits', 'r-now', 'r-done', 'r-old'])
    const of = async (query: string) => (await list(query)).items.map(({ restoreId }) => restoreId)
    expect(await of('?underWay=true')).toEqual(['r-waits', 'r-now'])
    expect(await of('?underWay=false')).toEqual(['r-done', 'r-old'])
    expect(await of('?systemId=cache')).toEqual(['r-waits'])
  })

  it('show how far a replay is, no end before its pace is known, and what one waits for', async () => {
    const { items } = await list()
    const one = (id: string) => items.find(({ restoreId }) => restoreId === id)
    expect(one('r-now')).toMatchObject({
      progress: { done: 2, total: 4, leftMs: null, unknown: { leftMs: expect.any(String) } },
    })
    expect(one('r-waits')).toMatchObject({ progress: null, waiting: [{ code: 'held' }], held: 1 })
    expect(one('r-done')).toMatchObject({ openedBy: 'officer', windowMs: 900, replayed: 1, progress: null })
  })

  it('show since when at most a gate stood open past Lethe, and how many were inside', async () => {
    const found = async () => (await list('?systemId=cache')).items[0]
    expect(await found()).toMatchObject({ foundOpen: [] })
    const audit = (at: number, action: string, detail: object) =>
      stand.pool.query(
        `INSERT INTO audit.restores (at, credential_id, system_id, restore_id, action, detail)
         VALUES ($1, 'unknown', 'cache', 'r-waits', $2, $3)`,
        [at, action, detail],
      )
    await audit(NOW, 'found_open', { shutUntil: NOW - 5_000 })
    const opened = { noticedAt: NOW, shutUntil: NOW - 5_000 }
    expect(await found()).toMatchObject({ foundOpen: [{ ...opened, sessionsEnded: null }] })
    await audit(NOW + 1, 'shut_again', { sessionsEnded: 2 })
    await audit(NOW + 2, 'found_open', { shutUntil: null })
    expect(await found()).toMatchObject({
      foundOpen: [
        { ...opened, sessionsEnded: 2 },
        { noticedAt: NOW + 2, shutUntil: null, sessionsEnded: null },
      ],
    })
  })

  it('refuse a cursor that they did not give, an unknown filter, and who may not look', async () => {
    for (const query of ['?cursor=bm8', '?phase=opened', '?underWay=perhaps', '?systemId=A%40b'])
      expect((await ops.get(`/v1/restores${query}`)).status, query).toBe(400)
    for (const token of [tokens.service, tokens.eraser])
      expect((await ops.get('/v1/restores', token)).status, token).toBe(403)
    expect((await ops.get('/v1/restores', null)).status).toBe(401)
  })
})

describe('the gates', () => {
  const standings = async () => {
    const { body } = await ops.get<{ items: { systemId: string; standing: string; state: string }[] }>(
      '/v1/gates',
    )
    answers.gates.parse(body)
    return Object.fromEntries(body.items.map(({ systemId, standing }) => [systemId, standing]))
  }
  const look = (at: number) =>
    stand.pool.query(
      `INSERT INTO restore.markers (system_id, confirmed_at) VALUES ('cache', $1)
       ON CONFLICT (system_id) DO UPDATE SET confirmed_at = $1`,
      [at],
    )

  it('are unknown where nobody watches, looked lately, or knew the marker; open only when somebody knows', async () => {
    expect(await standings()).toEqual({ cache: 'unknown', 'shop-pg': 'unknown' })
    await look(Date.now())
    expect(await standings()).toMatchObject({ cache: 'open' })
    await stand.pool.query("INSERT INTO restore.suspicions VALUES ('cache', 1)")
    expect(await standings()).toMatchObject({ cache: 'unknown' })
    await stand.pool.query('DELETE FROM restore.suspicions')
    await look(Date.now() - 3_600_000)
    expect(await standings()).toMatchObject({ cache: 'unknown' })
  })

  it('that only Lethe keeps shut are advisory', async () => {
    const gate = (strength: string) =>
      stand.pool.query(
        `INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('shop-pg', 'shut', $1, 1)
         ON CONFLICT (system_id) DO UPDATE SET strength = $1`,
        [strength],
      )
    await gate('advisory')
    expect(await standings()).toMatchObject({ 'shop-pg': 'advisory' })
    await gate('enforced')
    expect(await standings()).toMatchObject({ 'shop-pg': 'shut' })
  })
})

describe('restore drills', () => {
  const drill = (more: object = {}) => ({
    drillId: 'd1',
    systemId: 'shop-pg',
    askedBy: 'operator',
    startedAt: NOW - 2 * DAY,
    finishedAt: NOW - DAY,
    phase: 'ended',
    verdict: 'passed',
    reasons: [],
    intact: true,
    evidence: {
      secret: 'not told',
      backup: { takenAt: NOW - 2 * DAY, bytes: 7, sha256: 'ab'.repeat(32) },
      requestId: 'r1',
      canary: { cameBack: 2, left: 0 },
      cameBack: { users: 3 },
      durations: { backing_up: 5 },
    },
    ...more,
  })
  interface Told {
    readonly due: readonly { readonly systemId: string; readonly overdue: boolean | null }[]
  }
  const overdue = ({ due }: Told) => Object.fromEntries(due.map((one) => [one.systemId, one.overdue]))

  it('are due a period after the last that passed, asked with the credential of who looks', async () => {
    asked = []
    answer = { status: 200, body: { drills: [drill(), drill({ drillId: 'd2', verdict: 'failed' })] } }
    const port = (restore.address() as AddressInfo).port
    const daily = await stand.start({ restoreUrl: `http://127.0.0.1:${port}`, drillEveryMs: 7 * DAY })
    // The systems come with its first look at Kafka.
    await expect
      .poll(async () => overdue((await daily.get<Told>('/v1/drills')).body), { timeout: 20_000 })
      .toEqual({ cache: true, 'shop-pg': false })
    const { body } = await daily.get('/v1/drills')
    expect(answers.drills.parse(body).items).toHaveLength(2)
    expect(body).toMatchObject({
      items: [{ evidence: { backup: { bytes: 7 }, canary: { cameBack: 2, left: 0 }, requestId: 'r1' } }, {}],
    })
    expect(JSON.stringify(body)).not.toContain('not told')
    expect(asked[0]).toEqual({ path: '/v1/drills', authorization: `Bearer ${tokens.viewer}` })
  })

  it('are listed all the same where the evidence is of a form nobody knows, which is not shown', async () => {
    answer = { status: 200, body: { drills: [drill({ evidence: { durations: 'long' } })] } }
    const { body } = await ops.get('/v1/drills')
    expect(answers.drills.parse(body).items).toMatchObject([{ drillId: 'd1', evidence: null }])
  })

  it('are unknown, and never passed in time, when nobody says or asks for any', async () => {
    answer = { status: 404, body: {} }
    const { body } = await ops.get<Told>('/v1/drills')
    answers.drills.parse(body)
    expect(body).toMatchObject({ items: null, unknown: 'restore_unreachable' })
    answer = { status: 200, body: { drills: [drill()] } }
    await expect
      .poll(async () => overdue((await ops.get<Told>('/v1/drills')).body), { timeout: 20_000 })
      .toEqual({ cache: null, 'shop-pg': null })
    expect((await ops.get('/v1/drills', tokens.service)).status).toBe(403)
  })
})

describe('the catalogue of backups', () => {
  const backup = {
    systemId: 'shop-pg',
    backupId: 'b1',
    policy: 'nightly',
    takenAt: NOW - DAY,
    keptUntil: null,
    reportedBy: 'tool',
    reportedAt: NOW,
    goneAt: null,
    dueAt: NOW + DAY,
    alerts: ['kept_longer'],
  }

  it('is asked of the restore service with the credential of who looks', async () => {
    asked = []
    answer = { status: 200, body: { backups: [backup] } }
    const { body } = await ops.get('/v1/backups')
    answers.backups.parse(body)
    expect(body).toMatchObject({ items: [{ backupId: 'b1', alerts: ['kept_longer'] }], unknown: null })
    expect(asked).toEqual([{ path: '/v1/backups', authorization: `Bearer ${tokens.viewer}` }])
  })

  it('is unknown, and never empty, when the restore service does not say', async () => {
    for (const [said, why] of [
      [{ status: 503, body: {} }, 'restore_unreachable'],
      [{ status: 200, body: { backups: 'many' } }, 'restore_unreachable'],
      [{ status: 401, body: {} }, 'restore_refused'],
    ] as const) {
      answer = said
      const { body } = await ops.get('/v1/backups')
      answers.backups.parse(body)
      expect(body).toEqual({ items: null, unknown: why })
    }
    const without = await stand.start({ restoreUrl: null })
    expect((await without.get('/v1/backups')).body).toEqual({
      items: null,
      unknown: 'restore_not_configured',
    })
    const gone = await stand.start({ restoreUrl: 'http://127.0.0.1:9' })
    expect((await gone.get('/v1/backups')).body).toEqual({ items: null, unknown: 'restore_unreachable' })
    expect((await ops.get('/v1/backups', tokens.service)).status).toBe(403)
  })
})
