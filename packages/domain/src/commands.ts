import type { log } from '@lethe/schemas'
import type { Import } from './decide-import.js'
import type { KeepLonger } from './decide-keep.js'
import type { AttestTask, TakeTask } from './decide-task.js'
import type { ProblemCode } from './problem-code.js'
import type { RequestEvent } from './request-state.js'

export type RequestCommand =
  /** Only on a stream that does not exist yet. */
  | {
      readonly type: 'Receive'
      readonly received: log.RequestReceived
      readonly identity: log.IdentityAttested
    }
  /** Only on a stream that does not exist yet. */
  | Import
  | { readonly type: 'OpenIdentityReview'; readonly code: string; readonly candidates: number }
  | {
      readonly type: 'RecordResolution'
      readonly found: Readonly<Record<string, number>>
      readonly rounds: number
      readonly occasion: log.Occasion
    }
  /** An officer says who is meant while identity is in review; `found` counts what they named, by type. */
  | { readonly type: 'NameSubject'; readonly by: string; readonly found: Readonly<Record<string, number>> }
  | { readonly type: 'FreezePlan'; readonly plan: Omit<log.PlanFrozen, 'at'> }
  | { readonly type: 'Approve'; readonly by: string }
  | { readonly type: 'Refuse'; readonly by: string; readonly ground: string; readonly citation: string }
  | {
      readonly type: 'Hold'
      readonly holdId: string
      readonly by: string
      readonly reasonRef: string | null
      /** Until when a replay that is under way may still erase this person, epoch milliseconds; absent when none is. */
      readonly replayingUntil?: number
    }
  /** `holdId` null lifts every hold. */
  | { readonly type: 'Release'; readonly holdId: string | null; readonly by: string }
  | { readonly type: 'Cancel'; readonly by: string }
  | {
      readonly type: 'Extend'
      readonly by: string
      readonly newDueAt: number
      readonly notifiedAt: number
      readonly reasonRef: string | null
    }
  | IssueGrant
  | TakeTask
  | AttestTask
  /** `at` is set by `decide`: Lethe's clock, not the eraser's. */
  | { readonly type: 'Acknowledge'; readonly ack: Omit<log.PassAcknowledged, 'at'> }
  | { readonly type: 'ReportProbe'; readonly report: Omit<log.ProbeReported, 'at'> }
  /** A report of an eraser or probe could not be folded; `grantId` is null for a probe's. */
  | {
      readonly type: 'ReportDeadLetter'
      readonly systemId: string
      readonly passId: string
      readonly grantId: string | null
    }
  | { readonly type: 'RetrySystem'; readonly systemId: string; readonly by: string }
  /** A person wants a system looked at again now; it only reads. */
  | { readonly type: 'Reprobe'; readonly systemId: string }
  /** The vault sealed what these systems select by anew, under the key of `epoch`. */
  | { readonly type: 'Reseal'; readonly epoch: string; readonly systemIds: readonly string[] }
  /** Tombstones of these systems go for good; refused while one of them is still needed. */
  | { readonly type: 'Collect'; readonly systemIds: readonly string[] }
  | KeepLonger
  /** Every vault key that ever sealed something of this request is destroyed. */
  | { readonly type: 'ConfirmShredded' }
  /** The process manager: whatever time alone makes due. */
  | { readonly type: 'Proceed' }

export interface IssueGrant {
  readonly type: 'IssueGrant'
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
  readonly grantId: string
  readonly ttlMs: number
  /** Used when this grant is the first of its system, or when the tombstone must live longer. */
  readonly tombstone: { readonly tombstoneId: string; readonly epoch: string }
}

export interface Rejection {
  readonly ok: false
  readonly code: ProblemCode
  /** Says what is wrong and what to do; never holds an identifier of a person. */
  readonly detail: string
}

export type Decision = { readonly ok: true; readonly events: RequestEvent[] } | Rejection

export function rejected(code: ProblemCode, detail: string): Rejection {
  return { ok: false, code, detail }
}

export function accepted(...events: RequestEvent[]): { readonly ok: true; readonly events: RequestEvent[] } {
  return { ok: true, events }
}
