import type { Page } from 'playwright-core'
import {
  backup,
  bulkJob,
  counts,
  deployment,
  figure,
  group,
  letter,
  links,
  mapFinding,
  partition,
  request,
  restore,
  retained,
  step,
  task,
  x,
} from './hostile-parts.js'

/** Every text of every answer is hostile, whether or not the service could ever give it. */
export const answers: readonly (readonly [RegExp, unknown])[] = [
  [
    /^\/v1\/session$/,
    {
      credentialId: x,
      roles: ['admin', x],
      tenants: [x],
      csrfToken: x.replaceAll(/[^a-z]/g, ''),
      tabs: null,
      startedAt: 1,
      idleAt: 1,
      endsAt: 1,
    },
  ],
  [
    /^\/v1\/requests\/.+\/(take|evidence)$/,
    {
      requestId: x,
      status: x,
      version: 1,
      reference: x,
      note: x,
      systemId: x,
      task: {
        systemId: x,
        passId: x,
        instructions: x,
        identifiers: [{ type: x, value: x }],
        receivedAt: 1,
        until: 1,
      },
    },
  ],
  [
    /^\/v1\/requests\/.+\/hold$/,
    {
      requestId: x,
      status: x,
      version: 1,
      holdId: x,
      effectiveAt: 1,
      alreadyGone: [{ systemId: x, passId: x, outcome: x, counts }],
      outstandingGrants: [{ systemId: x, passId: x, expiresAt: 1 }],
    },
  ],
  [
    /^\/v1\/requests\/[^/]+\/timeline/,
    { items: [{ version: 1, type: x, at: 1, data: { [x]: x } }], nextAfterVersion: null },
  ],
  [
    /^\/v1\/requests\/[^/?]+$/,
    {
      ...request,
      advice: x,
      requestedBy: x,
      reviewCode: x,
      awaitingApproval: 'over_ceiling',
      holds: [{ holdId: x, by: x, at: 1, effectiveAt: 1 }],
      actions: ['approve', 'refuse', 'hold', 'release', 'extend', 'cancel', 'retry', 'reprobe'],
      steps: [step, { ...step, stepId: `${x} by hand`, task }],
      systems: [
        {
          systemId: x,
          status: x,
          result: x,
          checkedAt: 1,
          detail: { verified: false, retained },
          tombstone: { tombstoneId: x, effectiveAt: 1, expiresAt: 1, heldUntil: 1 },
        },
      ],
    },
  ],
  [/^\/v1\/requests/, { items: [request], nextCursor: x }],
  [
    /^\/v1\/lag/,
    {
      measuredAt: 1,
      ageMs: 0,
      groups: [{ ...group, health: 'silent' }],
      partitions: [partition],
      slots: [{ slot: x, active: false, walStatus: x, lagBytes: 1, retainedBytes: 1 }],
      connector: { name: x, state: x, tasks: [{ id: 0, state: x }], unknown: null },
    },
  ],
  [
    /^\/v1\/at-risk/,
    {
      measuredAt: 1,
      ageMs: 0,
      delays: [],
      items: [
        {
          requestId: x,
          tenantId: x,
          status: x,
          dueAt: 1,
          places: [x],
          verdict: 'unknown',
          because: [x],
          expectedAt: null,
          leftMs: -1,
        },
      ],
      examined: 1,
      truncated: true,
    },
  ],
  [
    /^\/v1\/overview/,
    {
      measuredAt: 1,
      ageMs: 0,
      requests: {
        byStatus: { [x]: figure },
        open: figure,
        dueThisWeek: figure,
        overdue: figure,
        liveErased: figure,
        backupClear: figure,
      },
      verification: { residual: figure, inconclusive: figure },
      tasks: figure,
      tasksOverdue: figure,
      atRisk: figure,
      erasers: {
        up: figure,
        silent: figure,
        unusable: figure,
        unknown: { ...figure, value: null, unknown: x },
      },
      gates: { open: figure, shut: figure, unknown: { ...figure, value: null, unknown: x } },
      deadLetters: figure,
      quarantined: figure,
      oldestUnacknowledged: {
        pass: {
          requestId: x,
          tenantId: x,
          stepId: x,
          systemId: x,
          passId: x,
          attempt: 1,
          requestedAt: 1,
          links,
        },
        ageMs: 1,
        unknown: x,
      },
    },
  ],
  [
    /^\/v1\/verification/,
    {
      systems: [x],
      items: [
        {
          requestId: x,
          tenantId: x,
          finding: x,
          cells: [
            {
              systemId: x,
              status: x,
              result: x,
              checkedAt: 1,
              verified: false,
              attested: false,
              residual: 1,
            },
          ],
        },
      ],
      nextCursor: x,
    },
  ],
  [
    /^\/v1\/erasers/,
    {
      measuredAt: 1,
      ageMs: 0,
      items: ['failing', 'unusable', x].map((verdict, n) => ({
        ...{ ...group, ...deployment, group: `${x}${n}`, verdict },
        ...{ systemId: x, role: 'erase', links },
      })),
    },
  ],
  [
    /^\/v1\/gates/,
    {
      items: [
        {
          systemId: x,
          state: 'shut',
          standing: x,
          watched: true,
          lookedAt: 1,
          strength: x,
          restoreId: x,
          reason: x,
          since: 1,
        },
      ],
    },
  ],
  [/^\/v1\/restores/, { items: [restore], nextCursor: x }],
  [
    /^\/v1\/people\/where/,
    {
      whereId: x,
      holding: [{ systemId: x, ids: [{ type: x, value: x }], collections: { [x]: 1 } }],
      without: [x],
      unknown: [x],
    },
  ],
  [
    /^\/v1\/data-map\/check/,
    { version: 1, ok: false, findings: [mapFinding], systems: { [x]: { kind: x, status: x, findings: [] } } },
  ],
  [
    /^\/v1\/data-map/,
    {
      version: 1,
      digest: x,
      outline: {
        identifiers: [x],
        tenant: x,
        systems: [
          {
            systemId: x,
            kind: x,
            notApplicable: x,
            ceiling: 1,
            settleMs: 1,
            after: [x],
            derivedFrom: [x],
            resolves: [x],
            backups: [{ name: x, keepMs: 1 }],
            elements: [{ name: x, method: x, category: x, basis: x }],
            task: { instructions: x, role: x, withinMs: 1 },
          },
        ],
        steps: [{ stepId: x, systemId: x, stage: 1, after: [x] }],
      },
      unknown: null,
      versions: [{ version: 1, digest: x }],
    },
  ],
  [
    /^\/v1\/drills/,
    {
      due: [{ systemId: x, lastPassedAt: 1, dueAt: null, overdue: null, unknown: { overdue: x, dueAt: x } }],
      items: [
        {
          drillId: x,
          systemId: x,
          startedAt: 1,
          finishedAt: null,
          phase: x,
          verdict: x,
          reasons: [{ code: x, detail: x }],
          intact: false,
          evidence: {
            backup: { takenAt: 1, bytes: 1, sha256: x },
            requestId: x,
            canary: { cameBack: 1, left: 0 },
            cameBack: { [x]: 1 },
            durations: { [x]: 1 },
          },
        },
      ],
      unknown: null,
    },
  ],
  [/^\/v1\/backups/, { items: [backup], unknown: null }],
  [
    /^\/v1\/dead-letters\/redrive/,
    { dryRun: true, selected: [letter], redriven: 0, gone: [letter], quarantined: 1, left: 1 },
  ],
  [
    /^\/v1\/dead-letters\/./,
    { ...letter, headers: { [x]: x }, message: { type: x, value: { [x]: x } }, unread: null },
  ],
  [
    /^\/v1\/bulk\/[^/]+\/items/,
    {
      items: [{ position: 1, requestId: x, status: x, hindrance: x, askedAt: 1, outcome: x }],
      nextAfter: 1,
    },
  ],
  [/^\/v1\/bulk\/[^/?]+$/, bulkJob],
  [/^\/v1\/bulk$/, { items: [bulkJob], ...bulkJob }],
  [/^\/v1\/dead-letters/, { measuredAt: 1, ageMs: 0, items: [letter], unknown: null }],
]

/** From now on the page is answered with hostile texts; the stream and everything else is not there. */
export async function answerHostile(page: Page): Promise<void> {
  await page.route('**/v1/**', async (route) => {
    const { pathname, search } = new URL(route.request().url())
    const found = answers.find(([pattern]) => pattern.test(`${pathname}${search}`))
    if (found === undefined) return route.fulfill({ status: 503, json: { title: x, detail: x } })
    return route.fulfill({ json: found[1] })
  })
}

/** What in the page came of a text: marked elements, handlers, and whether one of them ran. */
export const takenForMarkup = (page: Page): Promise<number> =>
  page.evaluate(
    `document.querySelectorAll('img, [onerror], #console script').length + (document.documentElement.dataset.hostile ? 1 : 0)`,
  ) as Promise<number>
