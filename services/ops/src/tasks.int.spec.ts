import { randomUUID } from 'node:crypto'
import type { RequestCommand } from '@lethe/domain'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { Detail } from './application/detail.js'
import type { OverviewView } from './application/overview.js'
import type { Page, Summary } from './application/requests.js'
import type { RiskView } from './application/risk.js'
import { RequestStandIn } from './testing/request-stand-in.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

const SECRET = 'ada.lovelace@example.com'
let stand: Stand
let request: RequestStandIn
let ops: Ops

const archive = (role: string): Extract<RequestCommand, { type: 'FreezePlan' }> => ({
  type: 'FreezePlan',
  plan: {
    mapVersion: 1,
    mapDigest: 'sha256:map',
    steps: [{ stepId: 'archive#1', systemId: 'archive', stage: 6, after: [] }],
    systems: [
      {
        systemId: 'archive',
        kind: 'manual',
        settleMs: 0,
        ceiling: null,
        backups: [],
        derivedFrom: [],
        byHand: { role, withinMs: 86_400_000 },
      },
    ],
    notApplicable: [],
  },
})
const takeTask = (): RequestCommand => ({
  type: 'TakeTask',
  systemId: 'archive',
  grantId: randomUUID(),
  by: 'olga',
  tombstone: { tombstoneId: randomUUID(), epoch: 'epoch-1' },
})
const attestTask = (): RequestCommand => ({
  type: 'AttestTask',
  systemId: 'archive',
  outcome: 'erased',
  records: 3,
  doneAt: Date.now(),
  by: 'olga',
  evidenceRef: 'note-1',
})

/** A request whose only system is an archive of paper, and what happened to its task. */
async function withTask(role: string, ...then: readonly (() => RequestCommand)[]): Promise<string> {
  const id = await stand.request({ planned: false })
  await stand.apply(id, archive(role), ...then.map((command) => command()))
  return id
}
const detail = async (id: string, token: string): Promise<Detail> => {
  const { status, body } = await ops.get<Detail>(`/v1/requests/${id}`, token)
  expect(status).toBe(200)
  answers.requestDetail.parse(body)
  return body
}
const actions = async (id: string, token: string) => (await detail(id, token)).steps[0]?.task?.actions
const act = (id: string, verb: string, body: object) =>
  ops.call(`/v1/requests/${id}/${verb}`, { method: 'POST', token: tokens.officer, body })

beforeAll(async () => {
  stand = await Stand.open()
  request = await RequestStandIn.start()
  ops = await stand.start({ requestUrl: request.url })
})

afterAll(async () => {
  await stand?.close()
  await request?.stop()
})

beforeEach(() => {
  request.received.length = 0
})

describe('a task that a person does by hand', () => {
  it('is on the page of its request, with what its reader may do with it', async () => {
    const open = await withTask('operator')
    expect((await detail(open, tokens.viewer)).steps[0]?.task).toMatchObject({
      role: 'operator',
      state: 'open',
      taken: null,
      actions: [],
    })
    expect(await actions(open, tokens.operator)).toEqual(['take'])
    expect((await detail(open, tokens.operator)).advice).toContain('A person erases there by hand')
    const officers = await withTask('privacy_officer')
    expect(await actions(officers, tokens.operator)).toEqual([])
    expect(await actions(officers, tokens.officer)).toEqual(['take'])
    const taken = await withTask('operator', takeTask)
    expect(await actions(taken, tokens.operator)).toEqual(['take', 'attest'])
    const done = await withTask('operator', takeTask, attestTask)
    expect(await actions(done, tokens.operator)).toEqual([])
    expect(await actions(done, tokens.officer)).toEqual(['evidence'])
    const { systems } = await detail(done, tokens.viewer)
    expect(systems).toMatchObject([{ status: 'ATTESTED', detail: { verified: false, attested: true } }])
  })

  it('is counted while it waits, and the number leads to the list behind it', async () => {
    const open = await withTask('operator')
    const done = await withTask('operator', takeTask, attestTask)
    const held = await withTask('operator')
    await stand.hold(held)
    const overview = await ops.get<OverviewView>('/v1/overview?maxAgeMs=0')
    answers.overview.parse(overview.body)
    const { value, href } = overview.body.tasks
    const { body } = await ops.get<Page<Summary>>(href)
    const ids = body.items.map(({ requestId }) => requestId)
    expect(value).toBe(ids.length)
    expect(ids).toContain(open)
    expect(ids).not.toContain(done)
    expect(ids).not.toContain(held)
  })

  it('is counted and listed as overdue from the moment it was to be done', async () => {
    const open = await withTask('operator')
    const figures = async () => (await ops.get<OverviewView>('/v1/overview?maxAgeMs=0')).body
    const listed = async () => {
      const { body } = await ops.get<Page<Summary>>((await figures()).tasksOverdue.href)
      return body.items.map(({ requestId }) => requestId)
    }
    expect(await listed()).not.toContain(open)
    const before = (await figures()).tasksOverdue.value ?? 0
    await stand.pool.query(
      `UPDATE read_model.steps SET detail = jsonb_set(detail, '{task,dueAt}', to_jsonb($2::bigint)) WHERE request_id = $1`,
      [open, Date.now() - 1],
    )
    expect(await listed()).toContain(open)
    expect((await figures()).tasksOverdue.value).toBe(before + 1)
    expect((await ops.get('/v1/requests?taskOverdue=false')).status).toBe(400)
  })

  it('waits for no eraser and no probe: neither endangers its request, and it is no unacknowledged pass', async () => {
    const open = await withTask('operator')
    const { body } = await ops.get<RiskView>('/v1/at-risk?maxAgeMs=0')
    expect(body.items.filter(({ requestId }) => requestId === open).flatMap(({ places }) => places)).toEqual(
      [],
    )
    const overview = await ops.get<OverviewView>('/v1/overview?maxAgeMs=0')
    expect(overview.body.oldestUnacknowledged.pass?.systemId).not.toBe('archive')
  })

  it('says in the matrix that it was attested, and not that it is verified', async () => {
    const done = await withTask('operator', takeTask, attestTask)
    const { body } = await ops.get<{ items: { requestId: string; cells: unknown[] }[] }>('/v1/verification')
    answers.matrix.parse(body)
    expect(body.items.find(({ requestId }) => requestId === done)?.cells).toMatchObject([
      { systemId: 'archive', status: 'ATTESTED', attested: true, verified: false },
    ])
  })
})

describe('what is done with a task', () => {
  it('is asked of request; whom it is about is told to who took it, and kept and logged nowhere', async () => {
    const id = await withTask('operator')
    const task = {
      systemId: 'archive',
      passId: 'archive#1/initial',
      instructions: 'Shred it.',
      identifiers: [{ type: 'email', value: SECRET }],
      receivedAt: 1,
      until: 2,
    }
    request.answer = { status: 200, body: { requestId: id, status: 'IN_PROGRESS', version: 7, task } }
    const { status, body } = await act(id, 'take', { systemId: 'archive' })
    expect(status).toBe(200)
    expect(answers.acted.parse(body).task).toEqual(task)
    expect(request.received.at(-1)).toMatchObject({
      path: `/v1/erasure-requests/${id}/take`,
      authorization: `Bearer ${tokens.officer}`,
    })
    const said = { systemId: 'archive', outcome: 'erased', records: 1, reference: SECRET, note: SECRET }
    expect((await act(id, 'attest', said)).status).toBe(200)
    expect(request.received.at(-1)?.body).toEqual(said)
    const { rows } = await stand.pool.query('SELECT * FROM audit.actions WHERE target = $1', [id])
    expect(rows.map(({ action }) => action)).toEqual(expect.arrayContaining(['take', 'attest']))
    expect(JSON.stringify(rows) + stand.logText).not.toContain(SECRET)
  })

  it('and its evidence goes on to who may read it', async () => {
    const id = await withTask('operator', takeTask, attestTask)
    const evidence = { systemId: 'archive', reference: 'protocol 12', note: null }
    request.answer = { status: 200, body: { ...evidence, more: 'not told' } }
    const { status, body } = await act(id, 'evidence', { systemId: 'archive' })
    expect([status, body]).toEqual([200, evidence])
    const refused = await ops.call(`/v1/requests/${id}/evidence`, {
      method: 'POST',
      token: tokens.operator,
      body: { systemId: 'archive' },
    })
    expect(refused.status).toBe(403)
  })

  it('is not done with many at once', async () => {
    for (const verb of ['take', 'attest', 'evidence']) {
      const body = { verb, list: {} }
      const answer = await ops.call('/v1/bulk', { method: 'POST', token: tokens.officer, body })
      expect(answer.status, verb).toBe(400)
    }
  })
})
