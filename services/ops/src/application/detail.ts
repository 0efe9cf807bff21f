import type { TaskView } from '@lethe/domain'
import type { RequestRow, StepRow, TombstoneRow, VerificationRow } from '@lethe/request-log'
import type { BulkVerb, TaskVerb } from '../domain/permissions.js'

/** The four marks of a step. Epoch milliseconds; null: not yet. */
export interface Marks {
  readonly requestedAt: number | null
  readonly erasedAt: number | null
  /** When its system's probe looked after the system's last step; on that step only. */
  readonly probedAt: number | null
  readonly probeResult: string | null
  /** When the last backup that could hold the person ends; null before the first grant. */
  readonly backupClearFrom: number | null
  readonly backupClear: boolean
}

/** A task of a person, and what the caller may do with it. */
export type DetailedTask = TaskView & { readonly actions: readonly TaskVerb[] }
export type DetailedStep = Omit<StepRow['detail'], 'task'> & {
  readonly marks: Marks
  readonly task?: DetailedTask
}
export type DetailedSystem = Omit<VerificationRow, 'detail' | 'requestId' | 'tenantId'> & {
  readonly detail: VerificationRow['detail']
  readonly tombstone: Pick<TombstoneRow, 'tombstoneId' | 'effectiveAt' | 'expiresAt' | 'heldUntil'> | null
}

export interface Detail extends RequestRow {
  /** What a person has to do, in a sentence; null while nobody must. */
  readonly advice: string | null
  /** What the caller may ask for now, by role and by what is shown here; `request` decides. */
  readonly actions: readonly BulkVerb[]
  readonly steps: readonly DetailedStep[]
  readonly systems: readonly DetailedSystem[]
  readonly links: { readonly self: string; readonly timeline: string }
}

/** A request's page from its rows in the read models, in the order of the plan. */
export function detailOf(rows: {
  request: RequestRow
  steps: readonly StepRow[]
  verifications: readonly VerificationRow[]
  tombstones: readonly TombstoneRow[]
  advice: string | null
  taskActions: (task: TaskView) => readonly TaskVerb[]
}): Omit<Detail, 'links' | 'actions'> {
  const { request, steps, verifications, tombstones, advice, taskActions } = rows
  const tombstoneOf = new Map(tombstones.map((one) => [one.systemId, one]))
  const lastStep = new Map(verifications.map(({ detail }) => [detail.steps.at(-1), detail.probe]))
  return {
    ...request,
    advice,
    steps: steps.map(({ detail: { task, ...detail } }) => {
      const probe = lastStep.get(detail.stepId)
      return {
        ...detail,
        ...(task === undefined ? {} : { task: { ...task, actions: taskActions(task) } }),
        marks: {
          requestedAt: detail.requestedAt,
          // A pass that failed has ended as well; nothing is erased by that.
          erasedAt: detail.outcome === 'failed' ? null : detail.finishedAt,
          probedAt: probe?.checkedAt ?? null,
          probeResult: probe?.result ?? null,
          backupClearFrom: tombstoneOf.get(detail.systemId)?.expiresAt ?? null,
          backupClear: request.backupClear,
        },
      }
    }),
    systems: verifications.map(({ requestId: _, tenantId: __, ...one }) => ({
      ...one,
      tombstone: shownTombstone(tombstoneOf.get(one.systemId)),
    })),
  }
}

function shownTombstone(row: TombstoneRow | undefined): DetailedSystem['tombstone'] {
  if (!row) return null
  const { tombstoneId, effectiveAt, expiresAt, heldUntil } = row
  return { tombstoneId, effectiveAt, expiresAt, heldUntil }
}
