import type { PassState, RequestCommand, RequestState } from '@lethe/domain'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dueRequests, findRequest, rebuild, stepsOf, tombstonesOf, verificationsOf } from './index.js'
import { freezePlan, type LogFixture, logFixture, newRequestId, receive, T0 } from './testing/fixtures.js'

let fixture: LogFixture
beforeAll(async () => {
  fixture = await logFixture()
})
afterAll(() => fixture?.drop())

const grant = ({ systemId, stepId, passId, attempt }: PassState, requestId: string): RequestCommand => ({
  type: 'IssueGrant',
  systemId,
  stepId,
  passId,
  attempt,
  grantId: `grant-${passId}`,
  ttlMs: 10_000,
  tombstone: { tombstoneId: `${requestId}/${systemId}`, epoch: 'epoch-1' },
})

const acknowledge = ({ systemId, stepId, passId, attempt }: PassState, now: number): RequestCommand => ({
  type: 'Acknowledge',
  ack: {
    ackId: `ack-${passId}`,
    grantId: `grant-${passId}`,
    systemId,
    stepId,
    passId,
    attempt,
    startedAt: now,
    finishedAt: now + 20,
    outcome: 'erased',
    counts: { rows: { found: 3, erased: 3, redacted: 0, retained: 0, failed: 0 } },
    position: null,
    errorCode: null,
    errorClass: null,
    nextRetryAt: null,
    vendorRef: null,
    vendorExpectedAt: null,
    retained: [],
    expiring: null,
    connectorVersion: '1',
  },
})

const reportClean = (systemId: string, passId: string, now: number): RequestCommand => ({
  type: 'ReportProbe',
  report: {
    reportId: `report-${passId}`,
    systemId,
    passId,
    checkedAt: now,
    result: 'clean',
    residual: { rows: 0 },
    position: null,
    reasonCode: null,
    nextCheckAt: null,
    connectorVersion: '1',
  },
})

/** What erasers and probes would send next. */
function answers(state: RequestState, now: number): RequestCommand[] {
  const passes = Object.values(state.passes).filter(({ acknowledged }) => acknowledged === null)
  const probes = Object.values(state.probes).filter(({ reported }) => reported === null)
  return [
    ...passes.flatMap((pass) => [grant(pass, state.requestId), acknowledge(pass, now)]),
    ...probes.map(({ systemId, passId }) => reportClean(systemId, passId, now)),
  ]
}

describe('a request through two writers', () => {
  it('comes to COMPLETED by commands and its timers, and its read models say so', async () => {
    const [request, aggregator] = [fixture.writer({ snapshotEvery: 5 }), fixture.writer({ snapshotEvery: 7 })]
    const id = newRequestId()
    await request.transact([id], async (tx) => {
      tx.apply(id, receive(id), T0)
      tx.apply(id, freezePlan, T0 + 10)
    })
    let now = T0 + 1_000
    for (let round = 0; (await request.read(id))?.status !== 'COMPLETED'; round++) {
      if (round > 50) throw new Error(`still ${(await request.read(id))?.status} after ${round} rounds`)
      for (const command of answers((await aggregator.read(id)) as RequestState, now)) {
        const writer = command.type === 'IssueGrant' ? request : aggregator
        const decision = await writer.transact([id], async (tx) => tx.apply(id, command, now))
        expect(decision).toMatchObject({ ok: true })
      }
      const wake = (await findRequest(fixture.pool, id, '*'))?.nextActionAt
      if (wake !== null && wake !== undefined && (await request.read(id))?.status !== 'COMPLETED') {
        now = Math.max(now, wake)
        expect(await dueRequests(fixture.pool, now, 10)).toEqual([id])
        await aggregator.transact([id], async (tx) => tx.apply(id, { type: 'Proceed' }, now))
      }
    }

    expect(await findRequest(fixture.pool, id, ['acme'])).toMatchObject({
      status: 'COMPLETED',
      systemsTotal: 2,
      systemsDone: 2,
      attention: null,
      failure: null,
    })
    for (const step of await stepsOf(fixture.pool, id))
      expect(step).toMatchObject({
        status: 'COMPLETED',
        detail: { outcome: 'erased', counts: { rows: { erased: 3 } } },
      })
    for (const row of await verificationsOf(fixture.pool, id))
      expect(row).toMatchObject({ status: 'COMPLETED', result: 'clean', detail: { verified: true } })
    expect(await tombstonesOf(fixture.pool, id)).toHaveLength(2)
    expect(await rebuild(fixture.pool)).toMatchObject({ equal: true, problems: [], streams: 1 })
  })
})
