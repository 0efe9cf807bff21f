import type { log, wire } from '@lethe/schemas'
import { attestedSystems, byHandOf } from './by-hand.js'
import { wasImported } from './decide-import.js'
import { evolve } from './evolve.js'
import type { RequestEvent, RequestState } from './request-state.js'

/** A message for the outbox. `key` orders it with everything else of the request. */
export type Publication = { readonly key: string; readonly headers: { readonly systems?: string } } & (
  | {
      readonly topic: 'erasure.requested'
      readonly type: 'ErasureRequested'
      readonly value: wire.ErasureRequested
    }
  | {
      readonly topic: 'erasure.probe.requested'
      readonly type: 'ErasureProbeRequested'
      readonly value: wire.ErasureProbeRequested
    }
  | {
      readonly topic: 'erasure.status'
      readonly type: 'ErasureStatusChanged'
      readonly value: wire.ErasureStatusChanged
    }
)

type Milestone = { readonly status: wire.Milestone; readonly at: number; readonly problemCode?: string }

/**
 * What the world must hear of `events`: at most one message of commands, one of probes, and one
 * per milestone, in the order of the events. Tombstones are published by whoever can seal them.
 */
export function publications(
  before: RequestState | null,
  events: readonly RequestEvent[],
  after: RequestState,
): Publication[] {
  // Nothing was asked for, and nobody waits for an answer.
  if (wasImported(after)) return []
  const passes = events.flatMap((event) =>
    // A task waits for a person; nobody reads a topic for it.
    event.type === 'PassRequested' && byHandOf(after, event.data.systemId) === null ? [event.data] : [],
  )
  const probes = events.flatMap((event) => (event.type === 'ProbeRequested' ? [event.data] : []))
  return [...statusChanges(before, events), ...commands(after, passes), ...looks(after, probes)]
}

function commands(state: RequestState, requested: readonly log.PassRequested[]): Publication[] {
  const latest = requested.at(-1)
  if (latest === undefined) return []
  const passes = requested.map(({ systemId, stepId, passId, attempt }) => ({
    systemId,
    stepId,
    passId,
    attempt,
  }))
  return [
    {
      topic: 'erasure.requested',
      key: state.subjectRef,
      type: 'ErasureRequested',
      headers: { systems: systemsHeader(passes) },
      value: { ...identity(state), passes, requestedAt: latest.at },
    },
  ]
}

function looks(state: RequestState, requested: readonly log.ProbeRequested[]): Publication[] {
  const latest = requested.at(-1)
  if (latest === undefined) return []
  const probes = requested.map(({ systemId, passId, probeKind }) => ({ systemId, passId, probeKind }))
  return [
    {
      topic: 'erasure.probe.requested',
      key: state.subjectRef,
      type: 'ErasureProbeRequested',
      headers: { systems: systemsHeader(probes) },
      value: { ...identity(state), probes, requestedAt: latest.at },
    },
  ]
}

function identity(state: RequestState) {
  const { requestId, tenantId, subjectRef } = state
  return { requestId, tenantId, subjectRef, mapVersion: state.plan?.mapVersion ?? 0 }
}

/** `,shop-pg,cache,`: a consumer looks for its own name between commas, without decoding. */
function systemsHeader(items: readonly { readonly systemId: string }[]): string {
  return `,${[...new Set(items.map((item) => item.systemId))].join(',')},`
}

function statusChanges(before: RequestState | null, events: readonly RequestEvent[]): Publication[] {
  const messages: Publication[] = []
  if (!events.some((event) => milestoneOf(event) !== null)) return messages
  let state = before
  for (const event of events) {
    state = evolve(state, event)
    const milestone = milestoneOf(event)
    if (milestone !== null) messages.push(statusChange(state, milestone))
  }
  return messages
}

/** Milestones that say that somebody is gone: they also say where that rests on a person's word. */
const ENDS: ReadonlySet<wire.Milestone> = new Set(['live_erased', 'partially_completed', 'completed'])

function statusChange(state: RequestState, milestone: Milestone): Publication {
  const { requestId, tenantId, subjectRef, status: requestStatus, dueAt, backupClearAt } = state
  const { status, at, problemCode = null } = milestone
  const { intakeKey } = state.received
  return {
    topic: 'erasure.status',
    key: subjectRef,
    type: 'ErasureStatusChanged',
    headers: {},
    value: {
      requestId,
      tenantId,
      subjectRef,
      intakeKey,
      status,
      requestStatus,
      problemCode,
      dueAt,
      backupClearAt,
      at,
      attested: ENDS.has(status) ? attestedSystems(state) : [],
    },
  }
}

function milestoneOf(event: RequestEvent): Milestone | null {
  switch (event.type) {
    case 'RequestReceived':
      return { status: 'accepted', at: event.data.receivedAt }
    case 'RequestRefused':
      return { status: 'refused', at: event.data.at }
    case 'RequestHeld':
      return { status: 'held', at: event.data.at }
    case 'RequestReleased':
      return { status: 'released', at: event.data.at }
    case 'RequestCancelled':
      return { status: 'cancelled', at: event.data.at }
    case 'RequestLiveErased':
      return { status: 'live_erased', at: event.data.at }
    case 'RequestCompleted':
      return { status: 'completed', at: event.data.at }
    case 'RequestPartiallyCompleted':
      return { status: 'partially_completed', at: event.data.at }
    case 'RequestFailed':
      return { status: 'failed', at: event.data.at, problemCode: event.data.code }
    case 'RequestBackupClear':
      return { status: 'backup_clear', at: event.data.at }
    case 'IdentityAttested':
    case 'IdentityReviewOpened':
    case 'IdentifiersResolved':
    case 'PlanFrozen':
    case 'ApprovalRequested':
    case 'RequestApproved':
    case 'RequestScheduled':
    case 'RequestExtended':
    case 'RequestRetried':
    case 'PassRequested':
    case 'GrantIssued':
    case 'PassAcknowledged':
    case 'ProbeRequested':
    case 'ProbeReported':
    case 'TombstoneWritten':
    case 'TombstoneCollected':
    case 'BackupClearMoved':
    case 'TaskTaken':
    case 'TaskAttested':
      return null
    default:
      return event satisfies never
  }
}
