import { z } from 'zod'
import { statuses } from './bodies.js'

// What this service answers, for the OpenAPI document and for whoever compares the two. Every object may have
// more fields than stand here: a caller must not fail over one that is new.

const epochMs = z.number().int().meta({ description: 'Epoch milliseconds, UTC.' })
const whole = z.number().int().min(0)
const text = z.string()
const counts = z.record(
  text,
  z.looseObject({ found: whole, erased: whole, redacted: whole, retained: whole, failed: whole }),
)
const tally = z.record(text, whole)
const probeResult = z.enum(['clean', 'residual', 'inconclusive'])

/** What a person has to do by hand, or says they did. */
const task = z.looseObject({
  role: text,
  state: z.enum(['waiting', 'open', 'stopped', 'attested']),
  openedAt: epochMs.nullable(),
  dueAt: epochMs.nullable(),
  taken: z.looseObject({ by: text, at: epochMs, until: epochMs }).nullable(),
  attestation: z
    .looseObject({ outcome: text, records: whole, doneAt: epochMs, by: text, underHold: z.boolean() })
    .nullable(),
})

const step = z.looseObject({
  stepId: text,
  systemId: text,
  status: text,
  passId: text.nullable(),
  attempt: whole,
  outcome: text.nullable(),
  errorCode: text.nullable(),
  counts,
  requestedAt: epochMs.nullable(),
  acknowledgedAt: epochMs.nullable(),
  startedAt: epochMs.nullable(),
  finishedAt: epochMs.nullable(),
  probedAt: epochMs.nullable(),
  probeResult: probeResult.nullable(),
  /** Only where a person erases by hand. */
  task: task.optional(),
})

const system = z.looseObject({
  systemId: text,
  kind: text.nullable(),
  status: text,
  counts,
  verified: z.boolean(),
  /** Only where a person erases by hand; such a system is never verified. */
  attested: z.boolean().optional(),
  probe: z
    .looseObject({
      result: probeResult.nullable(),
      checkedAt: epochMs.nullable(),
      residual: tally,
      reasonCode: text.nullable(),
    })
    .nullable(),
})

const plan = z.looseObject({
  mapVersion: whole,
  steps: z.array(z.looseObject({ stepId: text, systemId: text })),
  notApplicable: z.array(z.looseObject({ systemId: text })),
})

const links = z.looseObject({ self: text, events: text, verification: text })

const head = {
  requestId: z.uuid(),
  tenantId: text,
  subjectRef: text,
  status: z.enum(statuses),
  version: z.number().int().min(1),
  receivedAt: epochMs,
  dueAt: epochMs,
  liveErasedAt: epochMs.nullable(),
  completedAt: epochMs.nullable(),
  backupClearAt: epochMs.nullable(),
  owner: text.nullable(),
  nextStep: text.nullable(),
  links,
}

export const erasureRequest = z.looseObject({
  ...head,
  regime: text,
  ground: text,
  /** Who must act next, why and how; null while nobody must. */
  attention: z
    .looseObject({
      owner: text,
      nextStep: text,
      code: text,
      systemId: text.nullable(),
      reason: text.optional(),
      advice: text,
    })
    .nullable(),
  /** The pass that waits for a second approver. */
  overCeiling: z.looseObject({}).nullable(),
  /** Systems where it rests on somebody's word that the person is gone. */
  attested: z.array(text),
  plan: plan.extend({ mapDigest: text }).nullable(),
  steps: z.array(step),
  systems: z.array(system),
})

/** `hold` also says from when on nothing more is erased, and what already was; absent when nothing was held. */
export const heldRequest = erasureRequest.extend({
  effectiveAt: epochMs.optional(),
  holdId: z.uuid().optional(),
})

/** To who took the task: whom it is about. */
export const takenTask = erasureRequest.extend({
  task: z.looseObject({
    systemId: text,
    passId: text,
    instructions: text.nullable(),
    identifiers: z.array(z.looseObject({ type: text, value: text })),
    receivedAt: epochMs,
    until: epochMs,
  }),
})

export const evidence = z.looseObject({ systemId: text, reference: text, note: text.nullable() })

const page = <Item extends z.ZodType>(item: Item) =>
  z.looseObject({ items: z.array(item), nextCursor: text.nullable() })

export const requestPage = page(z.looseObject({ ...head, steps: z.array(z.never()) }))

export const timeline = z.looseObject({
  items: z.array(z.looseObject({ version: whole, type: text, at: epochMs, data: z.looseObject({}) })),
})

const finding = {
  systemId: text,
  result: probeResult.nullable(),
  residual: tally.nullable(),
  checkedAt: epochMs.nullable(),
}
export const verificationOfOne = z.looseObject({
  items: z.array(
    z.looseObject({ ...finding, status: text, position: text.nullable(), attested: z.boolean() }),
  ),
})
export const verificationPage = page(
  z.looseObject({ requestId: z.uuid(), tenantId: text, systemId: text, result: probeResult.nullable() }),
)

export const preview = z.looseObject({
  previewId: z.uuid(),
  people: whole.nullable(),
  identifiers: tally,
  /** Per system that answered, per collection. */
  systems: z.record(text, z.record(text, z.looseObject({ found: whole }))),
  unknown: z.array(text),
  byHand: z.array(text),
  overCeiling: z.array(text),
  plan,
})

export const foundRequests = z.looseObject({ requestIds: z.array(z.uuid()), truncated: z.boolean() })

export const whereabouts = z.looseObject({
  whereId: z.uuid(),
  holding: z.array(
    z.looseObject({
      systemId: text,
      ids: z.array(z.looseObject({ type: text, value: text })),
      collections: tally.nullable(),
    }),
  ),
  without: z.array(text),
  unknown: z.array(text),
})

export const clearance = z.looseObject({
  results: z.array(
    z.looseObject({
      requestId: z.uuid(),
      passId: text,
      decision: z.enum(['go', 'never', 'not_now']),
      code: text.optional(),
      retryAfterMs: whole.optional(),
      grant: z.looseObject({ grantId: text, expiresAt: epochMs, macKey: text }).optional(),
    }),
  ),
})

export const heard = z.looseObject({ heard: z.literal(true) })

export const tombstoneRows = z.looseObject({
  validUntil: epochMs,
  tombstones: z.array(
    z.looseObject({
      tombstoneId: text,
      requestId: z.uuid(),
      mapVersion: whole,
      effectiveAt: epochMs,
      expiresAt: epochMs,
      held: z.boolean(),
      ceilingWaived: z.boolean(),
    }),
  ),
})

const runs = <T extends z.ZodType>(value: T) =>
  z.strictObject({ values: z.array(value), counts: z.array(whole) })
const texts = z.strictObject({ lengths: runs(z.int().min(-1)), text: z.string() })

export const tombstoneColumns = z.looseObject({
  validUntil: epochMs,
  columns: z.strictObject({
    tombstoneIds: texts,
    requestIds: texts,
    mapVersions: runs(whole),
    held: z.array(whole),
    ceilingWaived: z.array(whole),
    codes: runs(text.nullable()),
    subjectRefs: texts,
    tenantIds: runs(text.nullable()),
    receivedAt: runs(epochMs.nullable()),
    identifiers: z.strictObject({ counts: runs(whole), types: runs(text), values: texts }),
    digests: z.strictObject({ counts: runs(whole), values: texts }),
  }),
})

/** As rows or as columns, as was asked for. */
export const tombstones = z.union([tombstoneRows, tombstoneColumns])

export const oldestTombstone = z.looseObject({ oldest: epochMs.nullable() })

export const peppers = z.looseObject({
  peppers: z.array(z.looseObject({ version: text, secret: text })),
})

/** Lines by number; nobody's identifier. */
export const importedTombstones = z.looseObject({
  imported: whole,
  already: whole,
  expired: whole,
  bad: z.array(z.looseObject({ line: whole, code: text, detail: text })),
})

export const mapSection = z.looseObject({
  version: whole,
  digest: text,
  canonical: text,
  system: z.looseObject({ systemId: text, kind: text }),
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
  digest: text,
  inForce: z.boolean(),
  ok: z.boolean(),
  findings: z.array(mapFinding),
  systems: z.record(
    text,
    z.looseObject({
      kind: text,
      status: z.enum(['checked', 'unreachable', 'not_applicable', 'by_hand']),
      findings: z.array(mapFinding),
    }),
  ),
})

export const publicKey = z.looseObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: text,
  y: text,
  kid: text,
  alg: z.literal('ECDH-ES'),
  use: z.literal('enc'),
})

const epochCounts = {
  entries: whole,
  notes: whole,
  requests: whole,
  neededRequests: whole,
  neededEntries: whole,
  neededNotes: whole,
  neededTombstones: whole,
  becomeUnreadable: whole,
}
const outlook = z.looseObject({ epoch: text, ...epochCounts })
const dryRun = z.boolean()

export const vaultStatus = z.looseObject({
  epochs: z.array(
    outlook.extend({
      startsAt: epochMs,
      endsAt: epochMs,
      destroyAt: epochMs,
      closedAt: epochMs.nullable(),
      destroyingAt: epochMs.nullable(),
      destroyedAt: epochMs.nullable(),
      destroyedBy: text.nullable(),
      shredded: whole.nullable(),
      current: z.boolean(),
      hasKey: z.boolean(),
    }),
  ),
})

/** `epoch` is null in a dry run. */
export const rotatedVault = z.looseObject({ dryRun, epoch: text.nullable() })

/** `resealed` is null in a dry run. */
export const resealedEpoch = z.looseObject({
  dryRun,
  outlook,
  resealed: z
    .looseObject({ requests: whole, entries: whole, notes: whole, unreadable: z.array(text) })
    .nullable(),
})

export const destroyedEpoch = z.looseObject({ dryRun, outlook, backupClear: whole })

export const pepperStatus = z.looseObject({
  peppers: z.array(
    z.looseObject({
      version: text,
      source: z.enum(['given', 'key_store']),
      addedAt: epochMs,
      retiredAt: epochMs.nullable(),
      state: z.enum(['settling', 'current', 'retiring', 'retired']),
      requests: whole,
      idempotencyKeys: whole,
    }),
  ),
})

/** `version` is null in a dry run. */
export const rotatedPepper = z.looseObject({ dryRun, version: text.nullable() })
