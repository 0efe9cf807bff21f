import { roles } from '@lethe/service-host'
import { z } from 'zod'
import { bulkVerbs, taskVerbs } from '../../domain/permissions.js'
import { findings } from '../pg-matrix.js'

// What this service answers, for the OpenAPI document. Every object may have more fields than stand here.

const epochMs = z.number().int().meta({ description: 'Epoch milliseconds, UTC.' })
const text = z.string()
const whole = z.number().int().min(0)
const milliseconds = z.number().min(0)
/** Why a field is null, by the field's name. */
const unknown = z
  .record(text, text)
  .meta({ description: 'Why a field of this object is null, under its name. Unknown is never shown as 0.' })

const aged = { measuredAt: epochMs, ageMs: whole }
const member = { state: text.nullable(), members: whole.nullable() }

const group = z.looseObject({
  group: text,
  topics: z.array(text),
  ...member,
  health: z.enum(['up', 'rebalancing', 'silent', 'unknown']),
  lag: whole.nullable(),
  catchUpMs: milliseconds.nullable(),
  drainMs: milliseconds.nullable(),
  unknown,
})

const partition = z.looseObject({
  group: text,
  topic: text,
  partition: whole.nullable(),
  ...member,
  assignedTo: text.nullable(),
  positionIn: z.enum(['kafka', 'postgresql']),
  end: whole.nullable(),
  committed: whole.nullable(),
  mirrored: whole.nullable(),
  lag: whole.nullable(),
  changePerMinute: z.number().nullable(),
  lagMs: milliseconds.nullable(),
  lagMsAtLeast: milliseconds.nullable(),
  catchUpMs: milliseconds.nullable(),
  drainMs: milliseconds.nullable(),
  lastCommitAt: epochMs.nullable(),
  unknown,
})

const slot = z.looseObject({
  slot: text,
  active: z.boolean(),
  walStatus: text.nullable(),
  lagBytes: whole.nullable(),
  retainedBytes: whole.nullable(),
})

const connector = z.looseObject({
  name: text,
  state: text.nullable(),
  tasks: z.array(z.looseObject({ id: whole, state: text })).nullable(),
  unknown: z.enum(['connect_unreachable', 'connect_not_configured', 'connector_missing']).nullable(),
})

export const lag = z.looseObject({
  ...aged,
  groups: z.array(group.extend({ deadLetters: whole.nullable() })),
  partitions: z.array(partition.extend({ deadLetters: whole.nullable() })),
  slots: z.array(slot).nullable(),
  connector,
})

const delay = z.looseObject({
  place: text,
  ms: milliseconds.nullable(),
  why: z.enum(['standing_still', 'unknown']).nullable(),
})

export const atRisk = z.looseObject({
  ...aged,
  delays: z.array(delay),
  items: z.array(
    z.looseObject({
      requestId: text,
      tenantId: text,
      status: text,
      dueAt: epochMs,
      places: z.array(text),
      verdict: z.enum(['overdue', 'late', 'standing_still', 'unknown']),
      because: z.array(text),
      expectedAt: z.number().nullable(),
      leftMs: z.number().int(),
    }),
  ),
  examined: whole,
  truncated: z.boolean(),
})

const figure = z.looseObject({ value: whole.nullable(), unknown: text.nullable(), href: text })

export const overview = z.looseObject({
  ...aged,
  requests: z.looseObject({
    byStatus: z.record(text, figure),
    open: figure,
    dueThisWeek: figure,
    overdue: figure,
    liveErased: figure,
    backupClear: figure,
  }),
  verification: z.looseObject({ residual: figure, inconclusive: figure }),
  tasks: figure,
  atRisk: figure,
  erasers: z.looseObject({ up: figure, silent: figure, unknown: figure }),
  gates: z.looseObject({ open: figure, shut: figure }),
  deadLetters: figure,
  oldestUnacknowledged: z.looseObject({
    pass: z
      .looseObject({
        requestId: text,
        tenantId: text,
        stepId: text,
        systemId: text,
        passId: text,
        attempt: whole,
        requestedAt: epochMs,
        links: z.looseObject({ request: text }),
      })
      .nullable(),
    ageMs: milliseconds.nullable(),
  }),
})

export const erasers = z.looseObject({
  ...aged,
  items: z.array(
    group.extend({
      systemId: text,
      role: z.enum(['erase', 'probe']),
      verdict: z.enum(['up', 'silent', 'missing', 'unusable', 'failing', 'unknown']).meta({
        description: 'failing: it works, and the last made-up person it was given is not erased.',
      }),
      versions: z.array(text),
      beatAt: epochMs.nullable(),
      store: text.nullable(),
      perMinute: z.number().min(0).nullable(),
      errorRate: z.number().min(0).max(1).nullable(),
      pacing: z
        .looseObject({ size: whole, max: whole, perSecond: z.number().nullable(), waitsMs: milliseconds })
        .nullable(),
      canary: z
        .looseObject({
          result: z.enum(['passed', 'failed', 'unconfirmed']),
          at: epochMs,
          drillId: text,
          why: text.nullable(),
        })
        .nullable()
        .meta({ description: 'What became of the made-up person of the last restore drill that says so.' }),
      links: z.looseObject({ requests: text }),
    }),
  ),
})

export const gates = z.looseObject({
  items: z.array(
    z.looseObject({
      systemId: text,
      state: z.enum(['open', 'shut']),
      standing: z.enum(['open', 'shut', 'advisory', 'unknown']).meta({
        description:
          'What can be said of it: advisory is shut without the store keeping anybody out; unknown is one that nobody watches or has looked at lately.',
      }),
      watched: z.boolean(),
      lookedAt: epochMs.nullable(),
      strength: text.nullable(),
      restoreId: text.nullable(),
      reason: text.nullable(),
      since: epochMs.nullable(),
    }),
  ),
})

const tallies = z.record(text, whole)
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

const letter = {
  id: text,
  group: text,
  topic: text,
  partition: whole,
  offset: text,
  type: text.nullable(),
  ceId: text.nullable(),
  code: text,
  errorClass: text,
  attempts: whole,
  redrives: whole,
  firstSeen: epochMs,
  at: epochMs,
  redriven: z.boolean(),
}

export const deadLetters = z.looseObject({
  ...aged,
  items: z.array(z.looseObject(letter)).nullable(),
  unknown: z.enum(['kafka_unreachable']).nullable(),
})

export const deadLetter = z.looseObject({
  ...letter,
  headers: z.record(text, text),
  message: z.looseObject({ type: text, value: z.unknown() }).nullable(),
  unread: z.enum(['no_copy', 'undecodable', 'registry_not_configured', 'registry_unavailable']).nullable(),
})

export const redriven = z.looseObject({
  dryRun: z.boolean(),
  selected: z.array(z.looseObject(letter)),
  redriven: whole,
  gone: z.array(z.looseObject(letter)),
  quarantined: whole.meta({ description: 'Failed again after three redrives; sent only when named by id.' }),
  left: whole.meta({ description: 'Fit as well, and are left for another call.' }),
})

const requestLinks = z.looseObject({ self: text, timeline: text })
const head = {
  requestId: text,
  tenantId: text,
  subjectRef: text,
  version: whole,
  status: text,
  regime: text,
  channel: text,
  ground: text,
  receivedAt: epochMs,
  dueAt: epochMs,
  runAt: epochMs.nullable(),
  mapVersion: whole.nullable(),
  systemsTotal: whole,
  systemsDone: whole,
  firstGrantAt: epochMs.nullable(),
  liveErasedAt: epochMs.nullable(),
  completedAt: epochMs.nullable(),
  backupClearAt: epochMs.nullable(),
  backupClear: z.boolean(),
  attention: z.looseObject({ owner: text, nextStep: text, code: text, systemId: text.nullable() }).nullable(),
  links: requestLinks,
}

export const requestPage = z.looseObject({
  items: z.array(z.looseObject(head)),
  nextCursor: text.nullable(),
})

const counts = z.record(
  text,
  z.looseObject({ found: whole, erased: whole, redacted: whole, retained: whole, failed: whole }),
)

const task = z.looseObject({
  role: text,
  state: z.enum(['waiting', 'open', 'stopped', 'attested']),
  openedAt: epochMs.nullable(),
  dueAt: epochMs.nullable(),
  taken: z.looseObject({ by: text, at: epochMs, until: epochMs }).nullable(),
  attestation: z
    .looseObject({
      outcome: text,
      records: whole,
      doneAt: epochMs,
      by: text,
      underHold: z.boolean(),
      at: epochMs,
    })
    .nullable(),
  actions: z.array(z.enum(taskVerbs)).meta({
    description: 'What the caller may do with it now, by role; `request` decides.',
  }),
})

export const requestDetail = z.looseObject({
  ...head,
  advice: text.nullable(),
  reviewCode: text.nullable(),
  awaitingApproval: text.nullable(),
  requestedBy: text,
  holds: z.array(z.looseObject({ holdId: text, by: text, at: epochMs, effectiveAt: epochMs })),
  actions: z.array(z.enum(bulkVerbs)).meta({
    description: 'What the caller may ask for now, by role and by what is shown here; `request` decides.',
  }),
  steps: z.array(
    z.looseObject({
      stepId: text,
      systemId: text,
      stage: whole,
      after: z.array(text),
      status: text,
      passId: text.nullable(),
      attempt: whole,
      passes: whole,
      outcome: text.nullable(),
      errorCode: text.nullable(),
      counts,
      marks: z.looseObject({
        requestedAt: epochMs.nullable(),
        erasedAt: epochMs.nullable(),
        probedAt: epochMs.nullable(),
        probeResult: text.nullable(),
        backupClearFrom: epochMs.nullable(),
        backupClear: z.boolean(),
      }),
      task: task.optional().meta({ description: 'Only where a person erases by hand.' }),
    }),
  ),
  systems: z.array(
    z.looseObject({
      systemId: text,
      status: text,
      result: text.nullable(),
      checkedAt: epochMs.nullable(),
      detail: z.looseObject({
        verified: z.boolean(),
        attested: z.boolean().optional().meta({
          description: 'Only where a person erases by hand: somebody says that it is done. Never verified.',
        }),
        retained: z.array(
          z.looseObject({ category: text, ground: text, citation: text, until: epochMs.nullable() }),
        ),
      }),
      tombstone: z
        .looseObject({
          tombstoneId: text,
          effectiveAt: epochMs,
          expiresAt: epochMs,
          heldUntil: epochMs.nullable(),
        })
        .nullable(),
    }),
  ),
})

export const timeline = z.looseObject({
  items: z.array(z.looseObject({ version: whole, type: text, at: epochMs, data: z.looseObject({}) })),
  nextAfterVersion: whole.nullable(),
})

export const changePage = z.looseObject({
  items: z.array(
    z.looseObject({ position: text, requestId: text, tenantId: text, version: whole, type: text }),
  ),
  next: text,
  end: z.boolean(),
})

export const session = z.looseObject({
  credentialId: text,
  roles: z.array(z.enum(roles)),
  tenants: z.array(text),
  csrfToken: text.nullable().meta({
    description: 'For X-Lethe-Csrf with every call that changes something; null with a bearer token.',
  }),
  startedAt: epochMs.nullable(),
  idleAt: epochMs.nullable(),
  endsAt: epochMs.nullable(),
})

/** After an action; the last four only after a hold. */
export const acted = z.looseObject({
  requestId: text,
  status: text,
  version: whole,
  holdId: text.optional(),
  effectiveAt: epochMs.optional(),
  alreadyGone: z.array(z.looseObject({ systemId: text, passId: text, outcome: text, counts })).optional(),
  outstandingGrants: z.array(z.looseObject({ systemId: text, passId: text, expiresAt: epochMs })).optional(),
  task: z
    .looseObject({
      systemId: text,
      passId: text,
      instructions: text.nullable(),
      identifiers: z.array(z.looseObject({ type: text, value: text })),
      receivedAt: epochMs,
      until: epochMs,
    })
    .optional()
    .meta({ description: 'Only to who took a task: whom it is about, and until when they may be at it.' }),
})

/** What somebody gave as evidence of a task; free text of theirs. */
export const evidence = z.looseObject({ systemId: text, reference: text, note: text.nullable() })

/** The requests of a person who was named; the ids of `GET /v1/requests?requestId=`. */
export const personRequests = z.looseObject({ requestIds: z.array(text), truncated: z.boolean() })

/** The only answer that names a person: to who named them. */
export const where = z.looseObject({
  whereId: text,
  holding: z.array(
    z.looseObject({
      systemId: text,
      ids: z.array(z.looseObject({ type: text, value: text })),
      collections: tallies.nullable(),
    }),
  ),
  without: z.array(text),
  unknown: z.array(text),
})

const outlined = z.looseObject({
  systemId: text,
  kind: text,
  notApplicable: text.nullable(),
  ceiling: whole.nullable(),
  settleMs: milliseconds,
  after: z.array(text),
  derivedFrom: z.array(text),
  resolves: z.array(text),
  backups: z.array(z.looseObject({ name: text, keepMs: milliseconds })),
  elements: z.array(
    z.looseObject({ name: text, method: text, category: text.nullable(), basis: text.nullable() }),
  ),
  task: z
    .looseObject({ instructions: text, role: text, withinMs: milliseconds })
    .nullable()
    .meta({ description: 'What a person does there by hand; null where an eraser works.' }),
})

export const dataMap = z.looseObject({
  version: whole,
  digest: text,
  outline: z
    .looseObject({
      identifiers: z.array(text),
      tenant: text,
      systems: z.array(outlined),
      steps: z
        .array(z.looseObject({ stepId: text, systemId: text, stage: whole, after: z.array(text) }))
        .nullable(),
    })
    .nullable(),
  unknown: z.enum(['map_unreadable']).nullable(),
  versions: z.array(z.looseObject({ version: whole, digest: text })),
})

const mapFinding = z.looseObject({
  level: z.enum(['error', 'warning']),
  code: text,
  where: text,
  message: text,
  path: text,
  line: whole,
})

export const checkedMap = z.looseObject({
  version: whole,
  ok: z.boolean(),
  findings: z.array(mapFinding),
  systems: z.record(text, z.looseObject({ kind: text, status: text, findings: z.array(mapFinding) })),
})

export const matrix = z.looseObject({
  systems: z.array(text),
  items: z.array(
    z.looseObject({
      requestId: text,
      tenantId: text,
      finding: z.enum(findings),
      cells: z.array(
        z.looseObject({
          systemId: text,
          status: text,
          result: text.nullable(),
          checkedAt: epochMs.nullable(),
          verified: z.boolean(),
          attested: z.boolean(),
          residual: whole.nullable(),
        }),
      ),
    }),
  ),
  nextCursor: text.nullable(),
})

export const signInWays = z.looseObject({
  token: z.boolean(),
  provider: text
    .nullable()
    .meta({ description: 'What the identity provider is called; null: there is none.' }),
})

const bulkFields = {
  jobId: text,
  verb: z.enum(bulkVerbs),
  list: text.meta({ description: 'The address of the list it was made from.' }),
  credentialId: text,
  state: z.enum(['shown', 'running', 'interrupted', 'done']),
  reason: text.nullable().meta({ description: 'Why it stands still.' }),
  total: whole,
  leftOut: whole,
  createdAt: epochMs,
  startedAt: epochMs.nullable(),
  endedAt: epochMs.nullable(),
  shown: z.array(z.looseObject({ status: text, hindrance: text.nullable(), n: whole })),
  outcomes: z.record(text, whole).meta({
    description:
      '`done`, the code of a refusal, or `not_known`: asked, and nobody knows whether it was done.',
  }),
  left: whole.meta({ description: 'Not asked yet.' }),
}
export const bulkJob = z.looseObject(bulkFields)
export const bulkJobs = z.looseObject({ items: z.array(bulkJob) })
export const bulkItems = z.looseObject({
  items: z.array(
    z.looseObject({
      position: whole,
      requestId: text,
      status: text,
      hindrance: text.nullable(),
      askedAt: epochMs.nullable(),
      outcome: text.nullable(),
    }),
  ),
  nextAfter: whole.nullable(),
})
