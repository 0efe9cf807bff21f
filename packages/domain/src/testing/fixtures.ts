import type { log } from '@lethe/schemas'
import { dueAt } from '../legal-clock.js'

/** Tuesday 3 February 2026, 09:00 UTC. */
export const START = Date.UTC(2026, 1, 3, 9)
export const DAY = 86_400_000

export function received(over: Partial<log.RequestReceived> = {}): log.RequestReceived {
  return {
    requestId: 'request-1',
    tenantId: 'shop',
    subjectRef: 'subject-1',
    regime: 'gdpr',
    receivedAt: START,
    dueAt: dueAt('gdpr', START),
    channel: 'http',
    requesterRole: 'self',
    requestedBy: 'portal',
    ground: '17(1)(b)',
    graceUntil: null,
    intakeKey: null,
    approvalRequired: false,
    recurEvery: null,
    ...over,
  }
}

export const identity: log.IdentityAttested = { method: 'caller', by: 'portal', at: START }

export function step(stepId: string, after: readonly string[] = [], stage = 1): log.PlanStep {
  return { stepId, systemId: systemOf(stepId), stage, after }
}

export const systemOf = (stepId: string): string => stepId.split('#')[0] ?? stepId

export function system(systemId: string, over: Partial<log.PlanSystem> = {}): log.PlanSystem {
  return {
    systemId,
    kind: 'fake',
    settleMs: 0,
    ceiling: null,
    backups: [],
    derivedFrom: [],
    byHand: null,
    ...over,
  }
}

type Plan = Omit<log.PlanFrozen, 'at'>

export function plan(over: Partial<Plan> = {}): Plan {
  return {
    mapVersion: 7,
    mapDigest: 'digest-7',
    steps: [step('pg#1')],
    systems: [system('pg', { backups: [{ name: 'nightly', keepMs: 30 * DAY }] })],
    notApplicable: [],
    ...over,
  }
}

/** A cache before and after the system of record it copies, as the data map compiles it. */
export function shopPlan(): Plan {
  return plan({
    steps: [step('cache#1', [], 1), step('pg#1', ['cache#1'], 2), step('cache#2', ['pg#1'], 3)],
    systems: [
      system('cache', { settleMs: 5_000, derivedFrom: ['pg'] }),
      system('pg', {
        backups: [
          { name: 'nightly', keepMs: 30 * DAY },
          { name: 'weekly', keepMs: 90 * DAY },
        ],
      }),
    ],
    notApplicable: [{ systemId: 'crm', reason: 'not used by this tenant' }],
  })
}

/** An archive of paper beside the shop: a person erases there by hand. */
export function archivePlan(): Plan {
  return plan({
    steps: [step('archive#1'), step('pg#1')],
    systems: [
      system('archive', {
        kind: 'manual',
        byHand: { role: 'operator', withinMs: 14 * DAY },
        backups: [{ name: 'microfilm', keepMs: 60 * DAY }],
      }),
      system('pg', { backups: [{ name: 'nightly', keepMs: 30 * DAY }] }),
    ],
  })
}

type Ack = Omit<log.PassAcknowledged, 'at'>

/** An acknowledgement of the first attempt under the grant `grant of <passId>`. */
export function ack(passId: string, over: Partial<Ack> = {}): Ack {
  const stepId = passId.slice(0, passId.indexOf('/'))
  return {
    ackId: `ack of ${passId}`,
    grantId: `grant of ${passId}`,
    systemId: systemOf(stepId),
    stepId,
    passId,
    attempt: 1,
    startedAt: START,
    finishedAt: START,
    outcome: 'erased',
    counts: { users: { found: 1, erased: 1, redacted: 0, retained: 0, failed: 0 } },
    position: null,
    errorCode: null,
    errorClass: null,
    nextRetryAt: null,
    vendorRef: null,
    vendorExpectedAt: null,
    retained: [],
    expiring: null,
    connectorVersion: '1.0.0',
    ...over,
  }
}

export function report(passId: string, over: Partial<log.ProbeReported> = {}): Omit<log.ProbeReported, 'at'> {
  return {
    reportId: `report of ${passId}`,
    systemId: passId.slice(0, passId.indexOf('/')),
    passId,
    checkedAt: START,
    result: 'clean',
    residual: {},
    position: null,
    reasonCode: null,
    nextCheckAt: null,
    connectorVersion: '1.0.0',
    ...over,
  }
}
