import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { BulkItem } from './adapters/pg-bulk.js'
import type { BulkView } from './application/bulk.js'
import { RequestStandIn } from './testing/request-stand-in.js'
import { type Ops, type SignedIn, Stand, tokens } from './testing/stand.js'

const SECRET = 'ada@example.com asked a court'
let stand: Stand
let request: RequestStandIn
let ops: Ops
let officer: SignedIn

beforeAll(async () => {
  stand = await Stand.open()
  request = await RequestStandIn.start()
  ops = await stand.start(settings())
  officer = await ops.signIn(tokens.officer)
})

afterAll(async () => {
  await stand?.close()
  await request?.stop()
})

/** Nobody is signed out for a slow machine. */
const settings = () => ({
  requestUrl: request.url,
  session: { idleMs: 1_200_000, longestMs: 2_400_000 },
})

beforeEach(() => {
  request.received.length = 0
  request.answerTo = ({ path }) => ({
    status: 200,
    body: { requestId: path.split('/')[3], status: 'ON_HOLD', version: 7 },
  })
})

const post = (path: string, body: object, { at = ops, as = officer }: { at?: Ops; as?: SignedIn } = {}) =>
  at.call<BulkView>(path, {
    method: 'POST',
    cookie: as.cookie,
    headers: { 'x-lethe-csrf': as.csrf },
    body,
  })
const show = async (verb: string, list: object, except: readonly string[] = []): Promise<BulkView> => {
  const { status, body } = await post('/v1/bulk', { verb, list, except })
  expect(status).toBe(201)
  answers.bulkJob.parse(body)
  return body
}
const one = async (jobId: string, at = ops): Promise<BulkView> => {
  const { status, body } = await at.get<BulkView>(`/v1/bulk/${jobId}`)
  expect(status).toBe(200)
  return body
}
const until = async (jobId: string, fits: (job: BulkView) => boolean, at = ops): Promise<BulkView> => {
  let seen: BulkView | undefined
  await eventually(
    async () => {
      seen = await one(jobId, at)
      return fits(seen)
    },
    { deadlineMs: 240_000, everyMs: 200, late: () => new Error(`it stayed ${JSON.stringify(seen)}`) },
  )
  return seen as BulkView
}
const items = async (jobId: string): Promise<BulkItem[]> =>
  (await ops.get<{ items: BulkItem[] }>(`/v1/bulk/${jobId}/items?limit=1000`)).body.items
/** The first event of that name on the live stream. */
async function told(name: string, token: string): Promise<unknown> {
  const answer = await fetch(new URL('/v1/stream', ops.url), {
    headers: { authorization: `Bearer ${token}` },
  })
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  try {
    for (let text = ''; ; ) {
      const { done, value } = await reader.read()
      if (done) throw new Error(`the stream ended without ${name}`)
      text += Buffer.from(value).toString('utf8')
      const data = new RegExp(`event: ${name}\ndata: (.*)\n\n`).exec(text)?.[1]
      if (data !== undefined) return JSON.parse(data)
    }
  } finally {
    await reader.cancel()
  }
}
/** The ids that `request` was asked about, with repetitions. */
const asked = () => request.received.map(({ path }) => path.split('/')[3] as string)
/** A tenant nobody else uses, so that a list is exactly these. */
async function tenantWith(tenantId: string, count: number): Promise<string[]> {
  const id = await stand.request({ tenantId: 'shop' })
  await stand.pool.query('UPDATE read_model.requests SET regime = $2 WHERE request_id = $1', [id, tenantId])
  return [id, ...(await stand.copies(id, count - 1))]
}

describe('an action on many requests', () => {
  it('is shown first: how many of each status, what will be refused and why, without those left out', async () => {
    const ids = await tenantWith('ccpa', 6)
    await stand.pool.query("UPDATE read_model.requests SET status = 'COMPLETED' WHERE request_id = $1", [
      ids[1],
    ])
    await stand.pool.query(
      'UPDATE read_model.requests SET first_grant_at = NULL WHERE request_id = ANY ($1)',
      [ids.slice(2)],
    )
    const job = await show('cancel', { regime: 'ccpa' }, [ids[5] as string])
    expect(job).toMatchObject({
      state: 'shown',
      total: 5,
      leftOut: 1,
      left: 5,
      outcomes: {},
      list: 'regime=ccpa',
    })
    expect(job.shown).toEqual(
      expect.arrayContaining([
        { status: 'COMPLETED', hindrance: 'has_ended', n: 1 },
        { status: 'IN_PROGRESS', hindrance: 'erasing_has_begun', n: 1 },
        { status: 'IN_PROGRESS', hindrance: null, n: 3 },
      ]),
    )
    expect(asked()).toEqual([])
    request.answerTo = ({ path }) =>
      path.includes(ids[1] as string)
        ? { status: 409, body: { code: 'illegal_transition', detail: 'It has ended.' } }
        : { status: 200, body: { requestId: path.split('/')[3], status: 'CANCELLED', version: 3 } }
    expect((await post(`/v1/bulk/${job.jobId}/run`, {})).status).toBe(202)
    const done = await until(job.jobId, ({ state }) => state === 'done')
    expect(done.outcomes).toEqual({ done: 4, illegal_transition: 1 })
    expect(asked().sort()).toEqual(ids.slice(0, 5).sort())
    const rows = await items(job.jobId)
    expect(rows.find(({ requestId }) => requestId === ids[1])?.outcome).toBe('illegal_transition')
    // Each request has its own rows in the audit, as one action has; the job has its own.
    const { rows: audited } = await stand.pool.query(
      "SELECT target, count(*)::int AS n FROM audit.actions WHERE action = 'cancel' AND target = ANY ($1) GROUP BY 1",
      [ids],
    )
    expect(audited.map(({ n }) => n)).toEqual([2, 2, 2, 2, 2])
    expect((await post(`/v1/bulk/${job.jobId}/run`, {})).status).toBe(409)
  })

  it('of 10,000, interrupted, says so, goes on where it stopped with whoever resumes it, and asks nobody twice', async () => {
    await tenantWith('virginia', 10_000)
    const first = await stand.start(settings())
    const before = await first.signIn(tokens.officer)
    const job = await show('hold', { regime: 'virginia' })
    expect(job.total).toBe(10_000)
    await post(`/v1/bulk/${job.jobId}/run`, { reason: SECRET }, { at: first, as: before })
    await until(job.jobId, ({ outcomes }) => (outcomes['done'] ?? 0) > 200)
    await first.stop()
    const stopped = await one(job.jobId)
    expect(stopped).toMatchObject({ state: 'interrupted', reason: 'process_ended' })
    expect((stopped.outcomes['done'] ?? 0) + stopped.left).toBe(10_000)
    expect(asked()).toHaveLength(stopped.outcomes['done'] ?? 0)
    expect(stopped.left).toBeGreaterThan(0)
    expect((await post(`/v1/bulk/${job.jobId}/run`, { reason: SECRET })).status).toBe(202)
    expect(await told('bulk', tokens.viewer)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ jobId: job.jobId, state: 'running', total: 10_000 }),
      ]),
    )
    // Nobody else can work on it meanwhile.
    expect((await post(`/v1/bulk/${job.jobId}/run`, { reason: SECRET })).status).toBe(409)
    const done = await until(job.jobId, ({ state }) => state === 'done')
    expect(done).toMatchObject({ outcomes: { done: 10_000 }, left: 0 })
    expect(asked()).toHaveLength(10_000)
    expect(new Set(asked()).size).toBe(10_000)
    const { rows } = await stand.pool.query(
      'SELECT (SELECT count(*)::int FROM ops.bulk_jobs AS j WHERE j::text LIKE $1) AS jobs, (SELECT count(*)::int FROM ops.bulk_items AS i WHERE i::text LIKE $1) AS items',
      ['%ada@%'],
    )
    expect(rows[0]).toEqual({ jobs: 0, items: 0 })
    expect(stand.logText).not.toContain('ada@example.com')
  }, 300_000)

  it('left behind by a process that crashed is shown as interrupted; what nobody knows of is asked again, but nobody is held twice', async () => {
    const held = await stand.request()
    const unheld = await stand.request()
    await stand.pool.query("UPDATE read_model.requests SET regime = 'utah' WHERE request_id = ANY ($1)", [
      [held, unheld],
    ])
    const job = await show('hold', { regime: 'utah' })
    // What a crash leaves: its lease runs out, both were being asked, and one had been held.
    await stand.pool.query(
      "UPDATE ops.bulk_jobs SET state = 'running', runner = 'gone', started_at = 1, leased_until = 1 WHERE job_id = $1",
      [job.jobId],
    )
    await stand.pool.query('UPDATE ops.bulk_items SET asked_at = $2 WHERE job_id = $1', [
      job.jobId,
      Date.now(),
    ])
    await stand.log.transact([held], async (tx) =>
      tx.apply(held, { type: 'Hold', holdId: 'h1', by: 'officer', reasonRef: null }, Date.now()),
    )
    expect(await one(job.jobId)).toMatchObject({
      state: 'interrupted',
      reason: 'process_ended',
      outcomes: { not_known: 2 },
    })
    await post(`/v1/bulk/${job.jobId}/run`, {})
    expect(await until(job.jobId, ({ state }) => state === 'done')).toMatchObject({ outcomes: { done: 2 } })
    expect(asked()).toEqual([unheld])
  })

  it('whose process crashed is told as interrupted to whoever watches it, as soon as its lease has run out', async () => {
    const id = await stand.request()
    await stand.pool.query("UPDATE read_model.requests SET regime = 'colorado' WHERE request_id = $1", [id])
    const { jobId } = await show('hold', { regime: 'colorado' })
    await stand.pool.query(
      "UPDATE ops.bulk_jobs SET state = 'running', runner = 'gone', started_at = 1, leased_until = $2 WHERE job_id = $1",
      [jobId, Date.now() + 400],
    )
    await until(jobId, ({ state }) => state === 'interrupted')
    expect(await told('bulk', tokens.viewer)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ jobId, state: 'interrupted', reason: 'process_ended', left: 1 }),
      ]),
    )
  })

  it('stops while the request service is away, for who has signed out, and when somebody stops it', async () => {
    await tenantWith('texas', 600)
    const job = await show('hold', { regime: 'texas' })
    request.answerTo = () => ({ status: 503, body: {} })
    await post(`/v1/bulk/${job.jobId}/run`, {})
    const away = await until(job.jobId, ({ state }) => state === 'interrupted')
    expect(away.reason).toBe('request_unavailable')
    expect(away.outcomes['not_known']).toBeGreaterThan(0)
    const slow = () => ({ status: 200, body: { requestId: 'x', status: 'ON_HOLD', version: 1 } })
    request.answerTo = slow
    const leaving = await ops.signIn(tokens.officer)
    await post(`/v1/bulk/${job.jobId}/run`, {}, { as: leaving })
    await ops.call('/v1/session', {
      method: 'DELETE',
      cookie: leaving.cookie,
      headers: { 'x-lethe-csrf': leaving.csrf },
    })
    const left = await until(job.jobId, ({ state }) => state !== 'running')
    expect(left).toMatchObject({ state: 'interrupted', reason: 'session_ended' })
    await post(`/v1/bulk/${job.jobId}/run`, {})
    expect((await post(`/v1/bulk/${job.jobId}/stop`, {})).body).toMatchObject({
      state: 'interrupted',
      reason: 'stopped',
    })
    await post(`/v1/bulk/${job.jobId}/run`, {})
    await until(job.jobId, ({ state, outcomes }) => state === 'done' && outcomes['done'] === 600)
  })

  it('has the probe of one system look again at all that fit: for operators too, each asked with that system and audited', async () => {
    const ids = await tenantWith('quebec', 4)
    await stand.pool.query('UPDATE read_model.requests SET first_grant_at = NULL WHERE request_id = $1', [
      ids[1],
    ])
    await stand.pool.query(
      "UPDATE read_model.requests SET status = 'COMPLETED', backup_clear = true WHERE request_id = $1",
      [ids[2]],
    )
    const as = await ops.signIn(tokens.operator)
    const { status, body: job } = await post(
      '/v1/bulk',
      { verb: 'reprobe', list: { regime: 'quebec' }, except: [] },
      { as },
    )
    expect(status).toBe(201)
    expect(job.shown).toEqual(
      expect.arrayContaining([
        { status: 'IN_PROGRESS', hindrance: 'nothing_erased_yet', n: 1 },
        { status: 'COMPLETED', hindrance: 'backup_clear', n: 1 },
        { status: 'IN_PROGRESS', hindrance: null, n: 2 },
      ]),
    )
    // Of which system has to be said, before anybody is asked.
    for (const body of [{}, { systemId: '' }, { systemId: 'Cache' }, { systemId: 'cache', reason: SECRET }])
      expect((await post(`/v1/bulk/${job.jobId}/run`, body, { as })).status).toBe(400)
    expect(asked()).toEqual([])
    const impossible = new Set([ids[1], ids[2]])
    request.answerTo = ({ path }) =>
      impossible.has(path.split('/')[3] as string)
        ? { status: 409, body: { code: 'illegal_transition', detail: 'Nothing to look for.' } }
        : { status: 200, body: { requestId: path.split('/')[3], status: 'COMPLETED', version: 9 } }
    expect((await post(`/v1/bulk/${job.jobId}/run`, { systemId: 'cache' }, { as })).status).toBe(202)
    const done = await until(job.jobId, ({ state }) => state === 'done')
    expect(done.outcomes).toEqual({ done: 2, illegal_transition: 2 })
    expect(asked().sort()).toEqual([...ids].sort())
    for (const { path, body } of request.received) {
      expect(path).toMatch(/\/reprobe$/)
      expect(body).toEqual({ systemId: 'cache' })
    }
    const { rows: audited } = await stand.pool.query(
      "SELECT target, count(*)::int AS n FROM audit.actions WHERE action = 'reprobe' AND target = ANY ($1) GROUP BY 1",
      [ids],
    )
    expect(audited.map(({ n }) => n)).toEqual([2, 2, 2, 2])
    expect(
      (
        await post(
          '/v1/bulk',
          { verb: 'reprobe', list: {}, except: [] },
          { as: await ops.signIn(tokens.viewer) },
        )
      ).status,
    ).toBe(403)
  })

  it('is for the roles of its action and the tenants of its maker, and is no way around a forged call', async () => {
    const operator = await ops.signIn(tokens.operator)
    const refused = await post('/v1/bulk', { verb: 'hold', list: {}, except: [] }, { as: operator })
    expect(refused.status).toBe(403)
    expect(JSON.stringify(refused.body)).toContain('privacy officer')
    const job = await show('hold', { regime: 'utah' })
    expect((await post(`/v1/bulk/${job.jobId}/run`, {}, { as: operator })).status).toBe(403)
    expect((await ops.get(`/v1/bulk/${job.jobId}`, tokens.other)).status).toBe(404)
    expect((await ops.get(`/v1/bulk/${job.jobId}`, tokens.all)).status).toBe(200)
    expect((await ops.get(`/v1/bulk/${job.jobId}`, tokens.service)).status).toBe(403)
    const forged = await ops.call(`/v1/bulk/${job.jobId}/run`, {
      method: 'POST',
      cookie: officer.cookie,
      body: {},
    })
    expect(forged.status).toBe(403)
    for (const body of [
      { verb: 'erase', list: {} },
      { verb: 'hold', list: { email: 'ada@example.com' } },
      { verb: 'hold' },
    ])
      expect((await post('/v1/bulk', body)).status).toBe(400)
    expect(asked()).toEqual([])
    const { body } = await ops.get('/v1/bulk')
    answers.bulkJobs.parse(body)
  })
})
