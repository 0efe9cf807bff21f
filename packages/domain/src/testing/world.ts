import type { log } from '@lethe/schemas'
import type { Decision, RequestCommand } from '../commands.js'
import { decide } from '../decide.js'
import { evolve } from '../evolve.js'
import { defaultPolicy, type Policy } from '../policy.js'
import { publications } from '../publications.js'
import type { RequestEvent, RequestState } from '../request-state.js'
import { ack, identity, received, report, START } from './fixtures.js'

/** What is under test, so that a broken one can be put in its place. */
export interface Core {
  decide(state: RequestState | null, command: RequestCommand, now: number, policy: Policy): Decision
  evolve(state: RequestState | null, event: RequestEvent): RequestState
}
export const core: Core = { decide, evolve }

type Plan = Omit<log.PlanFrozen, 'at'>
type Ack = Omit<log.PassAcknowledged, 'at'>
type Report = Omit<log.ProbeReported, 'at'>
interface Command {
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
}
export interface Work extends Command {
  readonly grantId: string
  readonly expiresAt: number
}
/** What an eraser makes of a pass it may work on. */
export type Deed =
  | 'erase'
  | 'lie'
  | 'crash before'
  | 'crash after'
  | 'fail'
  | 'fail for good'
  | 'over ceiling'
  | 'retain'
  | 'defer'
/** What a person makes of a task they took: it, a lie, it in spite of a hold or an expired grant, or nothing. */
export type Toil = 'do' | 'pretend' | 'do regardless' | 'forget'
/** What a probe makes of what it is asked. */
export type Look = 'look' | 'cannot tell' | 'say nothing'

interface Store {
  /** The person is in it. */
  present: boolean
  /** Part of the person is kept by law until then. */
  keptUntil: number | null
  /** A vendor erases at that time. */
  vendorAt: number | null
}

/** A short policy, so that runs reach its bounds. */
export const hastyPolicy: Policy = {
  ...defaultPolicy,
  maxAttempts: 3,
  maxRetries: 2,
  maxProbes: 3,
  maxProbeRounds: 2,
  taskGrantMs: 30_000,
}

/**
 * Erasers, probes, stores and the topics between them, for one request. Everything is delivered
 * when and as often as the caller says. What really happened is kept apart from what was said.
 */
export class World {
  now = START
  state: RequestState | null = null
  readonly log: RequestEvent[] = []
  readonly states: (RequestState | null)[] = [null]
  readonly stores: Record<string, Store> = {}
  /** Every change of a store: which, and when. */
  readonly changes: { readonly systemId: string; readonly at: number }[] = []
  readonly commands: Command[] = []
  /** Every command ever published. */
  readonly published: Command[] = []
  /** Every acknowledgement and report ever told. */
  readonly told: RequestCommand[] = []
  /** Systems that still held the person at the moment the request said it was completed. */
  leftAtCompletion: readonly string[] = []
  readonly works: Work[] = []
  readonly acks: Ack[] = []
  readonly looks: { readonly systemId: string; readonly passId: string }[] = []
  readonly reports: Report[] = []
  /** Tasks people took and did not mark done yet. */
  readonly toils: { readonly systemId: string; readonly by: string; readonly until: number }[] = []
  private readonly receipts = new Map<string, Ack>()
  private ids = 0

  constructor(
    readonly plan: Plan,
    over: Partial<log.RequestReceived>,
    private readonly underTest: Core = core,
    readonly policy: Policy = hastyPolicy,
  ) {
    for (const { systemId } of plan.systems)
      this.stores[systemId] = { present: true, keptUntil: null, vendorAt: null }
    this.tell({ type: 'Receive', received: received(over), identity })
    this.tell({ type: 'FreezePlan', plan })
  }

  tell(command: RequestCommand): Decision {
    const decision = this.underTest.decide(this.state, command, this.now, this.policy)
    if (!decision.ok || decision.events.length === 0) return decision
    if (command.type === 'Acknowledge' || command.type === 'ReportProbe') this.told.push(command)
    const before = this.state
    for (const event of decision.events) {
      this.state = this.underTest.evolve(this.state, event)
      this.log.push(event)
      this.states.push(this.state)
      if (event.type === 'RequestCompleted') this.leftAtCompletion = this.holding()
    }
    if (this.state === null) return decision
    for (const publication of publications(before, decision.events, this.state)) {
      if (publication.type === 'ErasureRequested') {
        this.commands.push(...publication.value.passes)
        this.published.push(...publication.value.passes)
      }
      if (publication.type === 'ErasureProbeRequested') this.looks.push(...publication.value.probes)
    }
    return decision
  }

  /** The systems that hold the person. */
  holding(): string[] {
    return Object.keys(this.stores).filter((systemId) => this.stores[systemId]?.present)
  }

  id(kind: string): string {
    this.ids += 1
    return `${kind}-${this.ids}`
  }

  /** An eraser reads a command: its receipt first, then clearance. */
  read(command: Command): void {
    const receipt = this.receipts.get(command.passId)
    if (receipt !== undefined) {
      this.acks.push(receipt)
      return
    }
    const grantId = this.id('grant')
    const tombstone = { tombstoneId: `tombstone of ${command.systemId}`, epoch: 'e1' }
    const decision = this.tell({
      type: 'IssueGrant',
      ...command,
      grantId,
      ttlMs: this.policy.grantTtlMs,
      tombstone,
    })
    if (decision.ok) this.works.push({ ...command, grantId, expiresAt: this.now + this.policy.grantTtlMs })
  }

  /** The eraser goes on with what it has a grant for. Nothing commits after the grant expired. */
  work(work: Work, deed: Deed): void {
    if (this.now > work.expiresAt) return
    const { passId, attempt, grantId, systemId, stepId } = work
    // Whoever runs beside it with the same grant: the receipt's key lets a pass commit once.
    const receipt = this.receipts.get(passId)
    if (receipt !== undefined) {
      this.acks.push(receipt)
      return
    }
    const about = { ackId: this.id('ack'), passId, attempt, grantId, systemId, stepId }
    const store = this.stores[systemId]
    if (store === undefined || deed === 'crash before') return
    const failure = this.failure(work, deed)
    if (failure !== null) {
      this.acks.push(ack(passId, { ...about, outcome: 'failed', ...failure }))
      return
    }
    const done = ack(passId, { ...about, ...(deed === 'lie' ? {} : this.erase(systemId, store, deed)) })
    if (done.outcome !== 'deferred') this.receipts.set(passId, done)
    if (deed !== 'crash after') this.acks.push(done)
  }

  private failure(work: Work, deed: Deed): Partial<Ack> | null {
    if (deed === 'fail') return { errorClass: 'retryable' }
    if (deed === 'fail for good') return { errorClass: 'terminal' }
    const waived = this.state?.passes[work.passId]?.ceilingWaived === true
    return deed === 'over ceiling' && !waived ? { errorClass: 'paused', errorCode: 'over_ceiling' } : null
  }

  private erase(systemId: string, store: Store, deed: Deed): Partial<Ack> {
    if (store.vendorAt !== null && this.now < store.vendorAt) {
      return { outcome: 'deferred', vendorRef: 'job', vendorExpectedAt: store.vendorAt }
    }
    if (store.vendorAt === null && deed === 'defer' && store.present) {
      store.vendorAt = this.now + 7_200_000
      return { outcome: 'deferred', vendorRef: 'job', vendorExpectedAt: store.vendorAt }
    }
    if (deed === 'retain' && store.keptUntil === null && store.present)
      store.keptUntil = this.now + 86_400_000
    const found = store.present
    if (found) this.changes.push({ systemId, at: this.now })
    store.present = false
    const kept = store.keptUntil !== null && this.now < store.keptUntil ? store.keptUntil : null
    if (kept === null) return { outcome: found ? 'erased' : 'not_found' }
    const part = { category: 'orders', ground: '17(3)(b)', citation: 'tax law', until: kept }
    return { outcome: 'retained', retained: [part] }
  }

  /** A person takes a task, if they may. */
  take(systemId: string, by: string): void {
    const tombstone = { tombstoneId: `tombstone of ${systemId}`, epoch: 'e1' }
    const decision = this.tell({ type: 'TakeTask', systemId, by, grantId: this.id('task'), tombstone })
    if (!decision.ok) return
    const grants = Object.values(this.state?.passes ?? {}).flatMap((pass) =>
      pass.systemId === systemId ? pass.grants.filter((grant) => grant.by === by) : [],
    )
    this.toils.push({ systemId, by, until: Math.max(...grants.map(({ expiresAt }) => expiresAt)) })
  }

  /** They do it, as they are; nobody can keep them from shredding when they may no longer. */
  toil({ systemId, by, until }: World['toils'][number], how: Toil): void {
    const store = this.stores[systemId]
    const marked = Object.values(this.state?.passes ?? {}).some(
      (pass) => pass.systemId === systemId && pass.attestation !== undefined,
    )
    if (store === undefined || marked || how === 'forget') return
    if (how === 'do' && (this.now > until || (this.state?.holds.length ?? 0) > 0)) return
    const found = store.present
    if (how !== 'pretend') {
      if (found) this.changes.push({ systemId, at: this.now })
      store.present = false
    }
    this.tell({
      type: 'AttestTask',
      systemId,
      outcome: found ? 'erased' : 'not_found',
      records: found ? 1 : 0,
      doneAt: this.now,
      by,
      evidenceRef: this.id('note'),
    })
  }

  /** A probe looks at the store itself. */
  look(asked: { readonly systemId: string; readonly passId: string }, look: Look): void {
    if (look === 'say nothing') return
    const truth = this.stores[asked.systemId]?.present ? 'residual' : 'clean'
    const result = look === 'look' ? truth : 'inconclusive'
    this.reports.push(report(asked.passId, { reportId: this.id('report'), result, checkedAt: this.now }))
  }

  /** The application fills a copy from a source that still has the person. */
  refill(): void {
    for (const system of this.plan.systems) {
      const store = this.stores[system.systemId]
      if (store && system.derivedFrom.some((source) => this.stores[source]?.present)) store.present = true
    }
  }
}
