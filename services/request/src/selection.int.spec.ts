import { type RequestCommand, systems } from '@lethe/domain'
import { PgEventStore } from '@lethe/event-store'
import { RequestLog } from '@lethe/request-log'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClearanceAnswer } from './application/clearance.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

let stand: Stand
let log: RequestLog
beforeAll(async () => {
  stand = await openStand()
  const eventStore = new PgEventStore(stand.pool)
  log = new RequestLog({ pool: stand.pool, eventStore, encode: () => Buffer.alloc(0), cacheSize: 0 })
})
afterAll(() => stand.close())

const tell = (id: string, command: RequestCommand, now = Date.now()) =>
  log.transact([id], async (tx) => {
    const decision = tx.apply(id, command, now)
    if (!decision.ok) throw new Error(`${command.type}: ${decision.detail}`)
    return tx.state(id)
  })

/** Clearance for a pass as its own system's eraser asks for it. */
async function clear(requestId: string, passId: string): Promise<ClearanceAnswer> {
  const cache = passId.startsWith('cache')
  const { body } = await stand.call<{ results: ClearanceAnswer[] }>('POST', '/v1/clearance', {
    token: cache ? tokens.cacheEraser : tokens.shopEraser,
    body: {
      systemId: cache ? 'cache' : 'shop-pg',
      purpose: 'erase',
      passes: [{ requestId, passId, attempt: 1 }],
    },
  })
  return body.results[0] as ClearanceAnswer
}

/** Clears a pass and acknowledges it. @returns the types of the identifiers it was given */
async function run(requestId: string, passId: string, outcome: 'erased' | 'failed'): Promise<string[]> {
  const { grant, subject } = await clear(requestId, passId)
  const stepId = passId.slice(0, passId.indexOf('/'))
  const now = Date.now()
  await tell(requestId, {
    type: 'Acknowledge',
    ack: {
      ackId: `ack of ${passId}`,
      grantId: grant?.grantId ?? '',
      systemId: stepId.slice(0, -2),
      stepId,
      passId,
      attempt: 1,
      startedAt: now,
      finishedAt: now,
      outcome,
      counts: {},
      position: null,
      errorCode: outcome === 'failed' ? 'timeout' : null,
      errorClass: outcome === 'failed' ? 'retryable' : null,
      nextRetryAt: null,
      vendorRef: null,
      vendorExpectedAt: null,
      retained: [],
      expiring: null,
      connectorVersion: '1',
    },
  })
  return (subject?.identifiers ?? []).map(({ type }) => type).sort()
}

const report = (id: string, passId: string, result: 'clean' | 'residual', reportId = passId) =>
  tell(id, {
    type: 'ReportProbe',
    report: {
      reportId,
      systemId: passId.slice(0, passId.indexOf('/')),
      passId,
      checkedAt: Date.now(),
      result,
      residual: {},
      position: null,
      reasonCode: null,
      nextCheckAt: null,
      connectorVersion: '1',
    },
  })

const everything = ['email', 'user_id', 'vendor:stripe']

describe('a retry', () => {
  it('of a first pass that failed selects like it; of a step that was done by surrogate ids only', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    await run(id, 'cache#1/initial', 'erased')
    expect(await run(id, 'shop-pg#1/initial', 'failed')).toEqual(everything)
    await tell(id, { type: 'Proceed' }, Date.now() + 60_000)
    expect(await run(id, 'shop-pg#1/retry-1', 'erased')).toEqual(everything)
    await run(id, 'cache#2/initial', 'erased')
    await tell(id, { type: 'Proceed' }, Date.now() + 60_000)
    await report(id, 'shop-pg/probe-1', 'residual')
    expect(await run(id, 'shop-pg#1/retry-2', 'erased')).toEqual(['user_id', 'vendor:stripe'])
  })
})

describe('residue told after completion', () => {
  it('is shown with an owner and a next step, in the request and in the list', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    for (const passId of ['cache#1/initial', 'shop-pg#1/initial', 'cache#2/initial'])
      await run(id, passId, 'erased')
    await tell(id, { type: 'Proceed' }, Date.now() + 60_000)
    await report(id, 'shop-pg/probe-1', 'clean')
    const completed = await report(id, 'cache/probe-1', 'clean')
    expect(completed?.status).toBe('COMPLETED')
    const late = await report(id, 'cache/probe-1', 'residual', 'late')
    expect(late && systems(late).find(({ systemId }) => systemId === 'cache')?.verified).toBe(false)
    const wanted = { requestId: id, owner: 'privacy_officer', nextStep: 'check_system_then_ask_anew' }
    const attention = { code: 'residual_after_completion', systemId: 'cache' }
    const one = await stand.call('GET', `/v1/erasure-requests/${id}`)
    expect(one.body).toMatchObject({ ...wanted, status: 'COMPLETED', attention })
    const list = await stand.call('GET', '/v1/erasure-requests?status=COMPLETED')
    expect(list.body.items).toMatchObject([{ ...wanted, attention }])
  })
})
