import type { log } from '@lethe/schemas'
import type { Decision, RequestCommand } from '../commands.js'
import { decide } from '../decide.js'
import type { AttestTask } from '../decide-task.js'
import { fold } from '../evolve.js'
import { defaultPolicy, type Policy } from '../policy.js'
import type { RequestEvent, RequestState, RequestStatus } from '../request-state.js'
import { ack, identity, plan, received, report, START, systemOf } from './fixtures.js'

type EventData = { [Event in RequestEvent as Event['type']]: Event['data'] }

/** One request told command by command, for specs of the form given, when, then. */
export class Story {
  now = START
  state: RequestState | null = null
  readonly log: RequestEvent[] = []
  readonly policy: Policy

  constructor(policy: Partial<Policy> = {}) {
    this.policy = { ...defaultPolicy, ...policy }
  }

  /** Received and planned. */
  static planned(
    frozen = plan(),
    over: Partial<log.RequestReceived> = {},
    policy: Partial<Policy> = {},
  ): Story {
    const story = new Story(policy)
    story.tell({ type: 'Receive', received: received(over), identity })
    story.tell({ type: 'FreezePlan', plan: frozen })
    return story
  }

  try(command: RequestCommand): Decision {
    const decision = decide(this.state, command, this.now, this.policy)
    if (decision.ok) {
      this.state = fold(decision.events, this.state)
      this.log.push(...decision.events)
    }
    return decision
  }

  /** The types of the events the command led to; throws when it is rejected. */
  tell(command: RequestCommand): string[] {
    const decision = this.try(command)
    if (!decision.ok) throw new Error(`${command.type} was rejected: ${decision.code}, ${decision.detail}`)
    return decision.events.map((event) => event.type)
  }

  code(command: RequestCommand): string {
    const decision = this.try(command)
    return decision.ok ? 'ok' : decision.code
  }

  later(ms: number): string[] {
    this.now += ms
    return this.tell({ type: 'Proceed' })
  }

  grantCommand(passId: string, attempt = 1, grantId = `grant of ${passId}`): RequestCommand {
    const stepId = passId.slice(0, passId.indexOf('/'))
    const systemId = systemOf(stepId)
    const tombstone = { tombstoneId: `tombstone of ${systemId}`, epoch: 'epoch-1' }
    return { type: 'IssueGrant', systemId, stepId, passId, attempt, grantId, ttlMs: 10_000, tombstone }
  }

  grant(passId: string, attempt = 1, grantId = `grant of ${passId}`): string[] {
    return this.tell(this.grantCommand(passId, attempt, grantId))
  }

  acknowledge(passId: string, over: Partial<Omit<log.PassAcknowledged, 'at'>> = {}): string[] {
    return this.tell({ type: 'Acknowledge', ack: ack(passId, over) })
  }

  /** Grant and acknowledgement. */
  erase(passId: string, over: Partial<Omit<log.PassAcknowledged, 'at'>> = {}): string[] {
    this.grant(passId)
    return this.acknowledge(passId, over)
  }

  fail(passId: string, over: Partial<Omit<log.PassAcknowledged, 'at'>> = {}): string[] {
    return this.erase(passId, { outcome: 'failed', errorClass: 'retryable', errorCode: 'timeout', ...over })
  }

  probe(passId: string, result: log.ProbeResult = 'clean', over: Partial<log.ProbeReported> = {}): string[] {
    return this.tell({ type: 'ReportProbe', report: report(passId, { result, ...over }) })
  }

  takeCommand(systemId: string, by = 'ada', grantId = `task of ${systemId}, ${by}`): RequestCommand {
    const tombstone = { tombstoneId: `tombstone of ${systemId}`, epoch: 'epoch-1' }
    return { type: 'TakeTask', systemId, grantId, by, tombstone }
  }

  take(systemId: string, by = 'ada'): string[] {
    return this.tell(this.takeCommand(systemId, by))
  }

  attestCommand(systemId: string, over: Partial<AttestTask> = {}): RequestCommand {
    const said = {
      outcome: 'erased',
      records: 1,
      doneAt: this.now,
      by: 'ada',
      evidenceRef: 'note-1',
    } as const
    return { type: 'AttestTask', systemId, ...said, ...over }
  }

  attest(systemId: string, over: Partial<AttestTask> = {}): string[] {
    return this.tell(this.attestCommand(systemId, over))
  }

  get status(): RequestStatus | undefined {
    return this.state?.status
  }

  get given(): RequestState {
    if (this.state === null) throw new Error('the story has not begun')
    return this.state
  }

  last<T extends RequestEvent['type']>(type: T): EventData[T] {
    const event = this.log.findLast((candidate) => candidate.type === type)
    if (event === undefined) throw new Error(`there was no ${type}`)
    return event.data as EventData[T]
  }

  passIds(): string[] {
    return this.log.flatMap((event) => (event.type === 'PassRequested' ? [event.data.passId] : []))
  }
}
