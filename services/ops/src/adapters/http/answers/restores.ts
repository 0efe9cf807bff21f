import { z } from 'zod'
import { epochMs, milliseconds, tallies, text, unknown, whole } from './shapes.js'

const progress = z.looseObject({
  done: whole.nullable(),
  total: whole,
  leftMs: milliseconds.nullable(),
  unknown,
})

export const restores = z.looseObject({
  items: z.array(
    z.looseObject({
      restoreId: text,
      systemId: text,
      backupId: text.nullable(),
      announcedBy: text,
      gateMode: text,
      phase: text,
      announcedAt: epochMs,
      shutAt: epochMs.nullable(),
      openedAt: epochMs.nullable(),
      markerAt: epochMs.nullable(),
      markerForeign: z.boolean(),
      windowMs: milliseconds.nullable(),
      sessionsEnded: whole,
      foundOpen: z
        .array(
          z.looseObject({
            noticedAt: epochMs,
            shutUntil: epochMs.nullable(),
            sessionsEnded: whole.nullable(),
          }),
        )
        .meta({ description: 'When the gate was found open although nobody had opened it with Lethe.' }),
      run: whole,
      tombstones: whole,
      replayed: whole,
      alreadyAbsent: z.number().int(),
      held: whole,
      unreadable: whole,
      failed: tallies,
      residual: tallies,
      inconclusive: tallies,
      waiting: z.array(z.looseObject({ code: text, detail: text, counts: tallies.optional() })),
      openedBy: text.nullable(),
      progress: progress.nullable(),
    }),
  ),
  nextCursor: text.nullable(),
})

const restoreUnknown = z
  .enum(['restore_not_configured', 'restore_unreachable', 'restore_refused'])
  .nullable()
  .meta({ description: 'Why nothing is known; null when it is.' })

const drillEvidence = z
  .looseObject({
    backup: z.looseObject({ takenAt: epochMs, bytes: whole, sha256: text }).nullable(),
    requestId: text.nullable().meta({ description: 'The erasure of the made-up person.' }),
    canary: z.looseObject({ cameBack: whole.nullable(), left: whole.nullable() }).meta({
      description: 'Records of the made-up person in the restored copy, before and after the replay.',
    }),
    cameBack: tallies.meta({ description: 'Matches of everybody who stays absent, before the replay.' }),
    durations: z.record(text, milliseconds),
  })
  .meta({ description: 'What was seen; null before the end.' })

export const drills = z.looseObject({
  due: z.array(
    z.looseObject({
      systemId: text,
      lastPassedAt: epochMs.nullable(),
      dueAt: epochMs.nullable(),
      overdue: z.boolean().nullable(),
      unknown,
    }),
  ),
  items: z
    .array(
      z.looseObject({
        drillId: text,
        systemId: text,
        startedAt: epochMs,
        finishedAt: epochMs.nullable(),
        phase: text,
        verdict: text.nullable(),
        reasons: z.array(z.looseObject({ code: text, detail: text })),
        intact: z.boolean().nullable(),
        evidence: drillEvidence.nullable(),
      }),
    )
    .nullable(),
  unknown: restoreUnknown,
})

export const backups = z.looseObject({
  items: z
    .array(
      z.looseObject({
        systemId: text,
        backupId: text,
        policy: text.nullable(),
        takenAt: epochMs,
        keptUntil: epochMs.nullable(),
        reportedAt: epochMs,
        goneAt: epochMs.nullable(),
        dueAt: epochMs.nullable(),
        alerts: z.array(text),
      }),
    )
    .nullable(),
  unknown: restoreUnknown,
})
