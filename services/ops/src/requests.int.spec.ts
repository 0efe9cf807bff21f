import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import * as answers from './adapters/http/answers.js'
import type { Detail } from './application/detail.js'
import type { OverviewView } from './application/overview.js'
import type { Figure } from './application/overview-figures.js'
import type { Page, Summary, TimelineEntry } from './application/requests.js'
import type { RiskView } from './application/risk.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

const DAY = 86_400_000
let stand: Stand
let ops: Ops
let late: string
let soon: string
let far: string
let pending: string
let held: string
let foreign: string

beforeAll(async () => {
  stand = await Stand.open()
  late = await stand.request({ dueInMs: -DAY })
  soon = await stand.request({ dueInMs: 3 * DAY })
  far = await stand.request({ dueInMs: 29 * DAY })
  pending = await stand.request({ planned: false })
  held = await stand.request({ dueInMs: 2 * DAY })
  await stand.hold(held)
  foreign = await stand.request({ tenantId: 'other', dueInMs: DAY })
  await stand.pool.query(
    "INSERT INTO restore.gates (system_id, state, strength, since) VALUES ('shop-pg', 'shut', 'enforced', 1)",
  )
  for (const [id, systemId, result] of [
    [soon, 'cache', 'residual'],
    [soon, 'shop-pg', 'inconclusive'],
    [far, 'cache', 'inconclusive'],
    [foreign, 'cache', 'residual'],
  ])
    await stand.pool.query(
      'UPDATE read_model.verifications SET result = $3 WHERE request_id = $1 AND system_id = $2',
      [id, systemId, result],
    )
  ops = await stand.start()
})

afterAll(() => stand?.close())

async function got<T>(path: string, shape: z.ZodType, token: string = tokens.viewer): Promise<T> {
  const { status, body } = await ops.get<T>(path, token)
  expect(status, path).toBe(200)
  shape.parse(body)
  return body
}

/** All pages of a list. */
async function all(path: string, token: string = tokens.viewer): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const next: string = cursor === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${cursor}`
    const { status, body } = await ops.get<Page<Record<string, unknown>>>(path + next, token)
    expect(status, path).toBe(200)
    items.push(...body.items)
    cursor = body.nextCursor ?? null
  }
  return items
}

const ids = (items: readonly Record<string, unknown>[]) => items.map((item) => item['requestId'])

/** Every figure anywhere in the answer. */
function figuresIn(value: unknown): Figure[] {
  if (typeof value !== 'object' || value === null) return []
  if ('href' in value && 'value' in value) return [value as Figure]
  return Object.values(value).flatMap(figuresIn)
}

/** Figures that say another number than the list behind them has rows. */
async function misleading(figures: readonly Figure[], token: string): Promise<Figure[]> {
  const wrong: Figure[] = []
  for (const figure of figures)
    if (figure.value !== (await all(figure.href, token)).length) wrong.push(figure)
  return wrong
}

describe('the overview', () => {
  it('has behind every number a list of as many rows, and the check would see one that has not', async () => {
    for (const token of [tokens.viewer, tokens.all]) {
      const view = await got<OverviewView>('/v1/overview?maxAgeMs=0', answers.overview, token)
      const figures = figuresIn(view)
      expect(figures.length).toBeGreaterThan(20)
      expect(await misleading(figures, token)).toEqual([])
    }
    const { requests } = await got<OverviewView>('/v1/overview', answers.overview)
    const broken = { ...requests.overdue, href: requests.open.href }
    expect(await misleading([broken], tokens.viewer)).toEqual([broken])
  })

  it('is as old as its oldest number says, however fresh it was asked for', async () => {
    const ask = () => got<OverviewView & { measuredAt: number }>('/v1/overview?maxAgeMs=0', answers.overview)
    await ask()
    const before = Date.now()
    // The dead letters of the first are those of the second.
    expect((await ask()).measuredAt).toBeLessThanOrEqual(before)
  })

  it('counts what is due, overdue, shut and silent, within the caller’s tenants', async () => {
    const view = await got<OverviewView>('/v1/overview?maxAgeMs=0', answers.overview)
    expect(view).toMatchObject({
      requests: {
        byStatus: {
          IN_PROGRESS: { value: 3 },
          PENDING: { value: 1 },
          ON_HOLD: { value: 1 },
          COMPLETED: { value: 0 },
        },
        open: { value: 5 },
        dueThisWeek: { value: 2 },
        overdue: { value: 1 },
        liveErased: { value: 0 },
        backupClear: { value: 0 },
      },
      verification: { residual: { value: 1 }, inconclusive: { value: 1 } },
      erasers: { up: { value: 0 }, silent: { value: 4 }, unusable: { value: 0 }, unknown: { value: 0 } },
      // Nobody watches the other store.
      gates: { open: { value: 0 }, shut: { value: 1 }, unknown: { value: 1 } },
      deadLetters: { value: 0 },
      quarantined: { value: 0 },
      atRisk: { atLeast: false },
      oldestUnacknowledged: { pass: { requestId: late, passId: 'cache#1/initial' }, unknown: null },
    })
    expect(view.oldestUnacknowledged.ageMs).toBeGreaterThanOrEqual(0)
    const others = await got<OverviewView>('/v1/overview?maxAgeMs=0', answers.overview, tokens.other)
    expect(others.requests.open.value).toBe(1)
    expect(others.oldestUnacknowledged.pass?.requestId).toBe(foreign)
  })

  it('shows unknown, never zero, of what PostgreSQL alone knows when it is away; the rest goes on', async () => {
    const blind = await stand.start({ pgUrl: 'postgres://nobody@127.0.0.1:1/nowhere' })
    const { status, body } = await blind.get<OverviewView>('/v1/overview?maxAgeMs=0')
    expect(status).toBe(200)
    answers.overview.parse(body)
    const { byStatus, ...requests } = body.requests
    const asked = [
      ...Object.values(byStatus),
      ...Object.values(requests),
      ...Object.values(body.verification),
    ]
    const others = [body.tasks, body.tasksOverdue, body.atRisk, ...Object.values(body.gates)]
    expect(asked.length).toBeGreaterThan(15)
    for (const one of [...asked, ...others])
      expect(one, one.href).toMatchObject({ value: null, unknown: 'postgresql_unreachable' })
    expect(body.oldestUnacknowledged).toEqual({
      pass: null,
      ageMs: null,
      unknown: 'postgresql_unreachable',
    })
    expect(body.deadLetters.value).toBe(0)
  })

  it('shows unknown, never zero, of what Kafka alone knows when it is away; the rest goes on', async () => {
    const blind = await stand.start({ kafka: { ...stand.kafka, brokers: ['127.0.0.1:1'] } })
    const { body } = await blind.get<OverviewView>('/v1/overview')
    expect(body.deadLetters).toMatchObject({ value: null, unknown: 'kafka_unreachable' })
    expect(body.erasers).toMatchObject({ up: { value: 0 }, silent: { value: 0 }, unknown: { value: 4 } })
    expect(body.requests.open.value).toBe(5)
    const risk = await blind.get<RiskView>('/v1/at-risk')
    expect(risk.body.items.map(({ requestId, verdict }) => [requestId, verdict])).toEqual([
      [late, 'overdue'],
      [soon, 'unknown'],
      [far, 'unknown'],
    ])
  })
})

describe('requests at risk', () => {
  it('are those under way while nobody is there to do it, nearest deadline first, with the places that cause it', async () => {
    const { items } = await got<RiskView>('/v1/at-risk?maxAgeMs=0', answers.atRisk)
    expect(items.map(({ requestId, verdict }) => [requestId, verdict])).toEqual([
      [late, 'overdue'],
      [soon, 'standing_still'],
      [far, 'standing_still'],
    ])
    expect(items[1]?.because.toSorted()).toEqual(
      ['aggregator', 'eraser.cache', 'eraser.shop-pg', 'outbox', 'probe.cache', 'probe.shop-pg'].sort(),
    )
    expect(ids((await got<RiskView>('/v1/at-risk', answers.atRisk, tokens.other)).items as never)).toEqual([
      foreign,
    ])
  })
})

describe('the list of requests', () => {
  it('is newest first, or by deadline, in pages that give each once', async () => {
    const newest = [pending, far, soon, held, late]
    expect(ids(await all('/v1/requests?limit=2'))).toEqual(newest)
    expect(ids(await all('/v1/requests?limit=2&order=due'))).toEqual(newest.toReversed())
    await got<Page<Summary>>('/v1/requests', answers.requestPage)
  })

  it('is narrowed by id, status, system, tenant, regime, dates and what is gone', async () => {
    const now = Date.now()
    for (const [query, wanted] of [
      [`requestId=${late},${foreign}`, [late]],
      ['status=PENDING,ON_HOLD', [pending, held]],
      ['systemId=cache', [far, soon, held, late]],
      ['systemId=nowhere', []],
      ['tenantId=other', []],
      ['regime=ccpa', []],
      [`dueFrom=${now}&dueBefore=${now + 7 * DAY}`, [soon, held]],
      ['liveErased=true', []],
      ['backupClear=false&status=PENDING', [pending]],
    ] as const)
      expect(ids(await all(`/v1/requests?${query}`)), query).toEqual(wanted)
  })

  it('refuses what it does not know, and a cursor of another order, without repeating it', async () => {
    const { body } = await ops.get<Page<Summary>>('/v1/requests?limit=1')
    for (const query of [
      'status=DONE',
      'email=someone%40example.com',
      'limit=0',
      'dueBefore=',
      'cursor=!!',
      `order=due&cursor=${body.nextCursor}`,
    ]) {
      const answer = await ops.get(`/v1/requests?${query}`)
      expect(answer.status, query).toBe(400)
      expect(JSON.stringify(answer.body)).not.toMatch(/someone|example\.com|DONE/)
    }
    expect((await ops.get('/v1/requests', tokens.service)).status).toBe(403)
    expect((await ops.get('/v1/requests', tokens.eraser)).status).toBe(403)
    expect((await ops.get('/v1/requests', null)).status).toBe(401)
    expect(stand.logText).not.toContain('someone')
  })
})

describe('the page of a request', () => {
  it('shows the plan with the marks of every step, and its systems', async () => {
    const detail = await got<Detail>(`/v1/requests/${late}`, answers.requestDetail)
    expect(detail).toMatchObject({ requestId: late, status: 'IN_PROGRESS', backupClear: false })
    const [cache, shop] = detail.steps
    expect(cache).toMatchObject({
      stepId: 'cache#1',
      status: 'IN_PROGRESS',
      passId: 'cache#1/initial',
      marks: { erasedAt: null, probedAt: null, backupClear: false },
    })
    expect(cache?.marks.requestedAt).toBeGreaterThan(0)
    expect(cache?.marks.backupClearFrom).toBeGreaterThan(cache?.marks.requestedAt ?? 0)
    expect(shop).toMatchObject({ stepId: 'shop-pg#1', marks: { requestedAt: null, backupClearFrom: null } })
    expect(detail.systems.map(({ systemId }) => systemId)).toEqual(['cache', 'shop-pg'])
    expect((await got<Detail>(`/v1/requests/${held}`, answers.requestDetail)).advice).toEqual(
      expect.any(String),
    )
  })

  it('has the timeline of its events, in pages and by type', async () => {
    type Timeline = { items: TimelineEntry[]; nextAfterVersion: number | null }
    const path = `/v1/requests/${held}/timeline`
    const whole = await got<Timeline>(path, answers.timeline)
    expect(whole.items.map(({ version }) => version)).toEqual(whole.items.map((_, index) => index + 1))
    expect(whole.items.slice(-2).map(({ type }) => type)).toEqual(['RequestHeld', 'TombstoneWritten'])
    const first = await got<Timeline>(`${path}?limit=2`, answers.timeline)
    expect(first.nextAfterVersion).toBe(2)
    const rest = await got<Timeline>(`${path}?afterVersion=2`, answers.timeline)
    expect([...first.items, ...rest.items]).toEqual(whole.items)
    const only = await got<Timeline>(`${path}?type=RequestHeld,RequestReceived`, answers.timeline)
    expect(only.items.map(({ type }) => type)).toEqual(['RequestReceived', 'RequestHeld'])
  })

  it('is of one’s own tenants only, and every look is audited, also one that found nothing', async () => {
    await stand.pool.query('DELETE FROM audit.views')
    const nobody = '00000000-0000-4000-8000-000000000000'
    expect((await ops.get(`/v1/requests/${late}`, tokens.operator)).status).toBe(200)
    expect((await ops.get(`/v1/requests/${late}/timeline`, tokens.operator)).status).toBe(200)
    const refused = await ops.get(`/v1/requests/${foreign}`)
    expect(refused.status).toBe(404)
    expect((await ops.get(`/v1/requests/${nobody}`)).body).toEqual(refused.body)
    const { rows } = await stand.pool.query(
      'SELECT credential_id, view, request_id, found FROM audit.views ORDER BY id',
    )
    expect(rows).toEqual([
      { credential_id: 'operator', view: 'request', request_id: late, found: true },
      { credential_id: 'operator', view: 'timeline', request_id: late, found: true },
      { credential_id: 'viewer', view: 'request', request_id: foreign, found: false },
      { credential_id: 'viewer', view: 'request', request_id: nobody, found: false },
    ])
  })

  it('is not shown when the look can not be audited', async () => {
    await stand.pool.query('REVOKE INSERT ON audit.views FROM lethe_ops')
    try {
      expect((await ops.get(`/v1/requests/${late}`)).status).toBe(500)
      expect((await ops.get(`/v1/requests/${late}/timeline`)).status).toBe(500)
    } finally {
      await stand.pool.query('GRANT INSERT ON audit.views TO lethe_ops')
    }
  })
})

describe('the other lists', () => {
  it('name the erasers and probes of every system of the map, and the gates', async () => {
    const { items } = await got<{ items: { systemId: string; role: string; health: string }[] }>(
      '/v1/erasers?health=silent',
      answers.erasers,
    )
    expect(items.map(({ systemId, role }) => `${role} ${systemId}`).sort()).toEqual([
      'erase cache',
      'erase shop-pg',
      'probe cache',
      'probe shop-pg',
    ])
    expect(await got('/v1/gates', answers.gates)).toMatchObject({
      items: [
        { systemId: 'cache', state: 'open', watched: false },
        { systemId: 'shop-pg', state: 'shut', watched: true },
      ],
    })
    await got('/v1/dead-letters', answers.deadLetters)
  })

  it('answer what the document says, and 405 to another method', async () => {
    await got('/v1/lag', answers.lag)
    const response = await fetch(new URL('/v1/requests', ops.url), { method: 'POST' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET'])
    expect((await fetch(new URL('/readyz', ops.url))).status).toBe(200)
    const metrics = async () => (await fetch(new URL('/metrics', ops.url))).text()
    await eventually(
      async () => {
        const text = await metrics()
        return (
          /lethe_ops_group_silent\{[^}]*group="eraser.cache"[^}]*\} 1/.test(text) &&
          /lethe_ops_requests_at_risk\{[^}]*verdict="overdue"[^}]*\} 1/.test(text) &&
          /lethe_ops_requests_due\{[^}]*when="overdue"[^}]*\} 1/.test(text) &&
          /lethe_ops_requests_due\{[^}]*when="5d"[^}]*\} \d/.test(text) &&
          /lethe_ops_requests_unverified\{[^}]*finding="residual_after_completion"[^}]*\} 0/.test(text) &&
          /lethe_ops_gate_open\{[^}]*system="shop-pg"[^}]*\} 0/.test(text) &&
          /lethe_ops_dead_letters\{[^}]*group="eraser.cache"[^}]*\} 0/.test(text) &&
          /lethe_ops_figures_seconds\{/.test(text)
        )
      },
      { deadlineMs: 20_000, late: () => new Error('the figures are not among the metrics') },
    )
  })
})
