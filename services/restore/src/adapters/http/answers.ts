import { z } from 'zod'
import type { CheckedCopy } from '../../application/copies.js'
import type { CopyPage } from '../../application/copy-pages.js'
import type { DrillView } from '../../application/drills.js'
import type { GateView } from '../../application/restores.js'
import type { SelfView } from '../../application/self/self-restore.js'
import type { Backup } from '../../domain/backup.js'
import type { DrillEvidence, DrillPhase, Verdict } from '../../domain/drill.js'
import type { Announcer, GateMode, Phase, Restore } from '../../domain/restore.js'
import type { Review } from '../../domain/review.js'
import type { LostAdvice, LostRequest, SelfReport } from '../../domain/self-report.js'
import type { Sweep } from '../../domain/sweep.js'
import type { Reason } from '../../domain/waiting.js'

// What this service answers, for the OpenAPI document and for whoever compares the two. Every object may have more
// fields than stand here: a caller must not fail over one that is new. The compiler holds each against its type: none
// of its fields may be missing here or be of another form.

/** As JSON: what may be left out may be undefined here. */
type Told<T> = T extends readonly (infer One)[]
  ? readonly Told<One>[]
  : T extends object
    ? { [K in keyof T]: object extends Pick<T, K> ? Told<T[K]> | undefined : Told<T[K]> }
    : T

/** Every one of these words, and no other. */
const oneOf = <Word extends string>(words: Readonly<Record<Word, true>>) =>
  z.enum(Object.keys(words) as [Word, ...Word[]])

const epochMs = z.number().int().meta({ description: 'Epoch milliseconds, UTC.' })
const whole = z.number().int().min(0)
const text = z.string()
const counts = z.record(text, whole)

const tallied = {
  tombstones: whole,
  replayed: whole,
  alreadyAbsent: whole,
  held: whole,
  unreadable: whole,
  failed: counts,
  residual: counts,
  inconclusive: counts,
}
const reason = z.looseObject({
  code: oneOf<Reason['code']>({
    held: true,
    unreadable: true,
    failed: true,
    residual: true,
    inconclusive: true,
    marker_unknown: true,
    marker_foreign: true,
    older_than_collected: true,
    not_restored_yet: true,
    gate_not_operable: true,
    review: true,
    tombstone_chain_broken: true,
  }),
  detail: text,
  counts: counts.optional(),
})

export const gate = z.looseObject({
  systemId: text,
  state: z.enum(['open', 'shut']),
  strength: z.enum(['enforced', 'advisory']).nullable(),
  restoreId: text.nullable(),
  since: epochMs.nullable(),
  undecided: whole,
}) satisfies z.ZodType<Told<GateView>>

export const restore = z.looseObject({
  restoreId: text,
  systemId: text,
  backupId: text.nullable(),
  announcedBy: oneOf<Announcer>({ hook: true, marker: true, sweep: true, operator: true }),
  gateMode: oneOf<GateMode>({ hooked: true, unhooked: true, advisory: true }),
  phase: oneOf<Phase>({
    announced: true,
    shut: true,
    replaying: true,
    probing: true,
    waiting: true,
    opened: true,
    superseded: true,
  }),
  announcedAt: epochMs,
  shutAt: epochMs.nullable(),
  openedAt: epochMs.nullable(),
  windowMs: whole.nullable(),
  sessionsEnded: whole,
  foundOpen: z.array(
    z.looseObject({
      noticedAt: epochMs,
      shutUntil: epochMs.nullable(),
      sessionsEnded: whole.nullable(),
    }),
  ),
  seenShutAt: epochMs.nullable(),
  markerAt: epochMs.nullable(),
  markerForeign: z.boolean(),
  markerMap: whole.nullable(),
  run: whole,
  cursor: text,
  waiting: z.array(reason),
  ...tallied,
}) satisfies z.ZodType<Told<Restore>>
export const restores = z.looseObject({ restores: z.array(restore) })

export const sweep = z.looseObject({
  sweepId: text,
  systemId: text,
  kind: z.enum(['full', 'sample']),
  startedAt: epochMs,
  finishedAt: epochMs.nullable(),
  cursor: text,
  probed: whole,
  residual: whole,
  restoreId: text.nullable(),
}) satisfies z.ZodType<Told<Sweep>>
export const sweeps = z.looseObject({ sweeps: z.array(sweep) })

export const backup = z.looseObject({
  systemId: text,
  backupId: text,
  policy: text.nullable(),
  takenAt: epochMs,
  keptUntil: epochMs.nullable(),
  reportedBy: text,
  reportedAt: epochMs,
  goneAt: epochMs.nullable(),
  dueAt: epochMs.nullable(),
  alerts: z.array(oneOf<Backup['alerts'][number]>({ kept_longer: true, unknown_policy: true })),
}) satisfies z.ZodType<Told<Backup>>
export const backups = z.looseObject({ backups: z.array(backup) })

const tally = z.looseObject(tallied)
const phase = oneOf<DrillPhase>({
  asked: true,
  checking: true,
  planting: true,
  backing_up: true,
  erasing: true,
  restoring: true,
  looking: true,
  replaying: true,
  probing: true,
  clearing: true,
  ended: true,
})
const verdict = oneOf<Verdict>({ passed: true, failed: true, proves_nothing: true, stopped: true })
const drillReasons = z.array(z.looseObject({ code: text, detail: text, counts: counts.optional() }))
const trigger = z.enum(['person', 'schedule'])
const evidence = z.looseObject({
  drillId: text,
  systemId: text,
  kind: text,
  incarnation: text,
  askedBy: text,
  trigger,
  startedAt: epochMs,
  finishedAt: epochMs,
  verdict,
  reasons: drillReasons,
  backup: z.looseObject({ takenAt: epochMs, bytes: whole, sha256: text }).nullable(),
  requestId: text.nullable(),
  canary: z.looseObject({ cameBack: whole.nullable(), left: whole.nullable() }),
  cameBack: counts,
  replay: tally.nullable(),
  probe: tally.nullable(),
  durations: z.partialRecord(phase, z.number()),
  versions: z.record(text, text),
}) satisfies z.ZodType<Told<DrillEvidence>>
export const drill = z.looseObject({
  drillId: text,
  systemId: text,
  askedBy: text,
  trigger,
  startedAt: epochMs,
  finishedAt: epochMs.nullable(),
  phase,
  verdict: verdict.nullable(),
  reasons: drillReasons.meta({
    description: 'Why it ended as it did; before its end, what it waits for.',
  }),
  evidence: evidence.nullable(),
  hash: text.nullable(),
  intact: z.boolean().nullable(),
}) satisfies z.ZodType<Told<DrillView>>
export const drills = z.looseObject({ drills: z.array(drill) })
export const checkedDrill = z.looseObject({ versions: z.record(text, text) })

export const review = z.looseObject({
  reviewId: text,
  systemId: text,
  requestId: text,
  restoreId: text,
  found: counts,
  foundAt: epochMs,
  decision: z.enum(['keep', 'erase']).nullable(),
  decidedAt: epochMs.nullable(),
  decidedBy: text.nullable(),
  ticket: text.nullable(),
  doneAt: epochMs.nullable(),
}) satisfies z.ZodType<Told<Review>>
export const reviews = z.looseObject({ reviews: z.array(review) })

export const checkedCopy = z.looseObject({
  tombstones: whole,
  markerAt: epochMs.nullable(),
  reasons: z.array(reason),
}) satisfies z.ZodType<Told<CheckedCopy>>
export const copyPage = z.looseObject({
  cursor: text,
  done: z.boolean(),
  tally,
}) satisfies z.ZodType<Told<CopyPage>>

const lost = z.looseObject({
  requestId: text,
  tenantId: text,
  lastStatus: text.nullable(),
  held: z.boolean(),
  at: epochMs,
  tombstones: z.array(text),
  acknowledged: z.array(text),
  advice: oneOf<LostAdvice>({
    decide_hold: true,
    certificate_gone: true,
    nothing_to_do: true,
    ask_again: true,
  }),
}) satisfies z.ZodType<Told<LostRequest>>
const selfReport = z.looseObject({
  proof: oneOf<SelfReport['proof']>({ exact: true, complete: true, unproven: true }),
  records: whole,
  unreadable: whole,
  recovered: whole,
  recoveredHeld: whole,
  recoveredUnsealed: whole,
  lostRequests: whole,
  lostIds: z.array(text),
  lost: z.array(lost),
  lostAcknowledgements: whole,
  refolded: whole,
  heldAgain: whole,
  notRebuilt: z.array(text),
  needsAccept: z.boolean(),
  acceptedBy: text.nullable(),
  incarnation: text.nullable(),
  failed: text.nullable(),
}) satisfies z.ZodType<Told<SelfReport>>
export const self = z.looseObject({
  state: oneOf<SelfView['state']>({ ok: true, unguarded: true, restored: true, unknown: true }),
  reasons: z.array(text),
  running: z.boolean(),
  last: z
    .looseObject({
      selfId: text,
      beganAt: epochMs,
      finishedAt: epochMs.nullable(),
      by: text,
      reasons: z.array(text),
      report: selfReport.nullable(),
    })
    .nullable(),
}) satisfies z.ZodType<Told<SelfView>>
