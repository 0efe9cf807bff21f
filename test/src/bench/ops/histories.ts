import { randomBytes } from 'node:crypto'
import {
  decide,
  fold,
  type RequestCommand,
  type RequestEvent,
  type RequestState,
  wakeAt,
} from '@lethe/domain'
import { writersPolicy } from '@lethe/request-log'

/** How far a request of the benchmark has come. */
export type Kind =
  | 'cleared'
  | 'completed'
  | 'residue'
  | 'verifying'
  | 'erasing'
  | 'failed'
  | 'held'
  | 'approval'
  | 'pending'
  | 'refused'
  | 'cancelled'

export interface History {
  readonly requestId: string
  readonly events: readonly RequestEvent[]
}

const DAY = 86_400_000

/** Begins with its time, as a real one does; its last twelve digits are free for copies. */
export const templateId = (at: number): string => {
  const time = at.toString(16).padStart(12, '0')
  const random = randomBytes(4).toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-000000000000`
}

/** What really happens to a request, decided by the domain: no event is made up. Times are epoch milliseconds. */
export function historyOf(
  kind: Kind,
  about: { at: number; tenantId: string; regime: string; systems: readonly string[] },
): History {
  const story = new Story(templateId(about.at), about.at)
  story.apply(receive(story.requestId, about, kind === 'approval' || kind === 'refused'))
  if (kind === 'pending') return story
  if (kind === 'refused')
    story.apply({ type: 'Refuse', by: 'officer-1', ground: '17(3)(b)', citation: 'tax law' })
  if (kind === 'cancelled') story.apply({ type: 'Cancel', by: 'officer-1' })
  if (kind === 'refused' || kind === 'cancelled') return story
  story.apply({ type: 'RecordResolution', found: { user_id: 1, email: 1 }, rounds: 1, occasion: 'plan' })
  story.apply(freezePlan(about.systems))
  if (kind === 'held')
    story.apply({ type: 'Hold', holdId: `hold-${story.requestId}`, by: 'officer-1', reasonRef: null })
  if (kind === 'approval' || kind === 'erasing' || kind === 'held') return story
  story.run(kind)
  return story
}

/** One stream, moved on by commands. */
class Story implements History {
  readonly events: RequestEvent[] = []
  private state: RequestState | null = null

  constructor(
    readonly requestId: string,
    private now: number,
  ) {}

  apply(command: RequestCommand): void {
    const decision = decide(this.state, command, this.now, writersPolicy)
    if (!decision.ok) throw new Error(`${command.type} was refused: ${decision.detail}`)
    this.state = fold(decision.events, this.state)
    this.events.push(...decision.events)
    this.now += 20
  }

  /** What erasers, probes and time would do, until nothing more happens by itself. */
  run(kind: Kind): void {
    for (let round = 0; round < 60; round++) {
      const state = this.state as RequestState
      if (state.status === 'COMPLETED' || state.status === 'FAILED') break
      const answers = this.answers(state, kind)
      for (const command of answers) this.apply(command)
      const wake = wakeAt(this.state as RequestState, writersPolicy)
      if (answers.length === 0 && wake === null) break
      if (answers.length === 0) {
        if (kind === 'verifying' && state.status === 'AWAITING_VERIFICATION') break
        this.now = Math.max(this.now, wake ?? 0)
        this.apply({ type: 'Proceed' })
      }
    }
    if (kind !== 'cleared') return
    this.now += 60 * DAY
    this.apply({ type: 'ConfirmShredded' })
    this.apply({ type: 'Proceed' })
  }

  private answers(state: RequestState, kind: Kind): RequestCommand[] {
    const passes = Object.values(state.passes).filter(({ acknowledged }) => acknowledged === null)
    const probes = Object.values(state.probes).filter(({ reported }) => reported === null)
    const [first] = passes
    if (first !== undefined) return [this.grant(first), this.acknowledge(first, kind === 'failed')]
    if (kind === 'verifying') return []
    return probes.slice(0, 1).map((probe) => this.report(probe, kind === 'residue'))
  }

  private grant({ systemId, stepId, passId, attempt }: NamedPass): RequestCommand {
    return {
      type: 'IssueGrant',
      systemId,
      stepId,
      passId,
      attempt,
      grantId: `grant-${this.requestId}-${passId}-${attempt}`,
      ttlMs: 10_000,
      tombstone: { tombstoneId: `${this.requestId}-${systemId}`, epoch: 'epoch-1' },
    }
  }

  private acknowledge({ systemId, stepId, passId, attempt }: NamedPass, failed: boolean): RequestCommand {
    return {
      type: 'Acknowledge',
      ack: {
        ackId: `ack-${this.requestId}-${passId}-${attempt}`,
        grantId: `grant-${this.requestId}-${passId}-${attempt}`,
        systemId,
        stepId,
        passId,
        attempt,
        startedAt: this.now,
        finishedAt: this.now + 12,
        outcome: failed ? 'failed' : 'erased',
        counts: {
          users: { found: 3, erased: failed ? 0 : 3, redacted: 0, retained: 0, failed: failed ? 3 : 0 },
        },
        position: null,
        errorCode: failed ? 'permission_denied' : null,
        errorClass: failed ? 'terminal' : null,
        nextRetryAt: null,
        vendorRef: null,
        vendorExpectedAt: null,
        retained: [],
        expiring: null,
        connectorVersion: '1',
      },
    }
  }

  private report({ systemId, passId }: Named, residue: boolean): RequestCommand {
    return {
      type: 'ReportProbe',
      report: {
        reportId: `report-${this.requestId}-${passId}-${this.now}`,
        systemId,
        passId,
        checkedAt: this.now,
        result: residue ? 'residual' : 'clean',
        residual: { users: residue ? 2 : 0 },
        position: null,
        reasonCode: null,
        nextCheckAt: null,
        connectorVersion: '1',
      },
    }
  }
}

interface Named {
  readonly systemId: string
  readonly passId: string
}

interface NamedPass extends Named {
  readonly stepId: string
  readonly attempt: number
}

const receive = (
  requestId: string,
  about: { at: number; tenantId: string; regime: string },
  approvalRequired: boolean,
): RequestCommand => ({
  type: 'Receive',
  received: {
    requestId,
    tenantId: about.tenantId,
    subjectRef: `s-${requestId}`,
    regime: about.regime,
    receivedAt: about.at,
    dueAt: about.at + 30 * DAY,
    channel: 'http',
    requesterRole: 'self',
    requestedBy: 'caller',
    ground: '17(1)(b)',
    graceUntil: null,
    intakeKey: null,
    approvalRequired,
    recurEvery: null,
  },
  identity: { method: 'session', by: 'caller', at: about.at },
})

const freezePlan = (systems: readonly string[]): RequestCommand => ({
  type: 'FreezePlan',
  plan: {
    mapVersion: 1,
    mapDigest: 'sha256:bench',
    steps: systems.map((systemId) => ({ stepId: `${systemId}#1`, systemId, stage: 1, after: [] })),
    systems: systems.map((systemId) => ({
      systemId,
      kind: 'redis',
      settleMs: 0,
      ceiling: null,
      backups: [{ name: 'nightly', keepMs: 30 * DAY }],
      derivedFrom: [],
      byHand: null,
    })),
    notApplicable: [],
  },
})
