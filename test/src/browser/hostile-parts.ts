/** Fetches what nobody has, and marks the document when it is taken for markup. */
export const HOSTILE =
  '<img src="/hostile.png" onerror="document.documentElement.dataset.hostile=1"><script>document.documentElement.dataset.hostile=1</script>'

export const x = HOSTILE
export const figure = { value: 1, unknown: null, atLeast: true, href: x }
const unknown = Object.fromEntries(
  ['state', 'members', 'lag', 'catchUpMs', 'drainMs', 'end'].map((key) => [key, x]),
)
export const group = {
  group: x,
  service: x,
  deadLetters: 1,
  topics: [x],
  state: x,
  members: 0,
  health: x,
  lag: 7,
  catchUpMs: null,
  drainMs: null,
  unknown,
}
export const partition = {
  ...group,
  topic: x,
  partition: 0,
  assignedTo: x,
  positionIn: x,
  end: null,
  committed: 1,
  mirrored: 1,
  changePerMinute: 1,
  lagMs: null,
  lagMsAtLeast: 5,
  lastCommitAt: 1,
}
export const counts = { [x]: { found: 1, erased: 1, redacted: 0, retained: 0, failed: 0 } }
const attention = { owner: x, nextStep: x, code: x, systemId: x }
export const links = { self: x, timeline: x, request: x, requests: x }
export const request = {
  requestId: x,
  tenantId: x,
  subjectRef: x,
  version: 1,
  status: x,
  regime: x,
  channel: x,
  ground: x,
  receivedAt: 1,
  dueAt: 1,
  runAt: 1,
  mapVersion: 1,
  systemsTotal: 1,
  systemsDone: 0,
  firstGrantAt: 1,
  liveErasedAt: 1,
  completedAt: 1,
  backupClearAt: 1,
  backupClear: false,
  attention,
  links,
}
const marks = {
  requestedAt: 1,
  erasedAt: 1,
  probedAt: 1,
  probeResult: x,
  backupClearFrom: 1,
  backupClear: false,
}
export const step = {
  stepId: x,
  systemId: x,
  stage: 1,
  after: [x],
  status: x,
  passId: x,
  attempt: 1,
  passes: 2,
  outcome: x,
  errorCode: x,
  counts,
  marks,
}
export const task = {
  role: x,
  state: 'open',
  openedAt: 1,
  dueAt: 1,
  taken: { by: x, at: 1, until: 1 },
  attestation: { outcome: x, records: 1, doneAt: 1, by: x, underHold: true, at: 1 },
  actions: ['take', 'attest', 'evidence'],
}
export const retained = [{ category: x, ground: x, citation: x, until: null }]

export const letter = {
  id: x,
  group: x,
  topic: x,
  partition: 0,
  offset: x,
  type: x,
  ceId: x,
  code: x,
  errorClass: x,
  attempts: 1,
  redrives: 0,
  firstSeen: 1,
  at: 1,
  redriven: false,
  quarantined: true,
}

export const restore = {
  restoreId: x,
  systemId: x,
  backupId: x,
  announcedBy: x,
  gateMode: x,
  phase: x,
  announcedAt: 1,
  shutAt: 1,
  openedAt: 1,
  markerAt: 1,
  markerForeign: false,
  windowMs: 1,
  sessionsEnded: 1,
  foundOpen: [{ noticedAt: 1, shutUntil: null, sessionsEnded: null }],
  run: 1,
  tombstones: 1,
  replayed: 1,
  alreadyAbsent: 0,
  held: 1,
  unreadable: 1,
  failed: { [x]: 1 },
  residual: { [x]: 1 },
  inconclusive: { [x]: 1 },
  waiting: [{ code: x, detail: x, counts: { [x]: 1 } }],
  openedBy: x,
  progress: { done: 1, total: 2, leftMs: null, unknown: { leftMs: x } },
}
export const deployment = {
  verdict: x,
  versions: [x],
  beatAt: 1,
  store: x,
  perMinute: 1,
  errorRate: 0.5,
  pacing: { size: 1, max: 1, perSecond: 1, waitsMs: 1 },
  canary: { result: x, at: 1, drillId: x, why: x },
}
export const mapFinding = { level: 'error', code: x, where: x, message: x, path: x, line: 1 }
export const backup = {
  systemId: x,
  backupId: x,
  policy: x,
  takenAt: 1,
  keptUntil: 1,
  reportedAt: 1,
  goneAt: null,
  dueAt: 1,
  alerts: [x],
}
export const bulkJob = {
  jobId: x,
  verb: 'hold',
  list: x,
  credentialId: x,
  state: 'interrupted',
  reason: x,
  total: 2,
  leftOut: 1,
  createdAt: 1,
  startedAt: 1,
  endedAt: 1,
  shown: [{ status: x, hindrance: x, n: 1 }],
  outcomes: { [x]: 1 },
  left: 1,
}
