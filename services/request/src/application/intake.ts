import { UnprovenError } from '@lethe/messaging'
import type { LogTransaction, RequestLog } from '@lethe/request-log'
import { intakeKeyOf, type wire } from '@lethe/schemas'
import { PausedError, ProblemError, problem, TerminalError } from '@lethe/service-host'
import type { Caller } from '../domain/permissions.js'
import type { Accepted, AcceptRequests, NewRequest } from './accept.js'
import { newRequest, type Submission } from './new-request.js'

/** What is inside an intake message's JWE. */
export interface IntakePayload {
  /** The caller's own bearer token: a message has no more rights than its sender. */
  readonly token: string
  readonly idempotencyKey: string
  readonly request: unknown
}

export interface IntakePorts {
  /** Opens the JWE. @throws TerminalError */
  open(jwe: string): Promise<unknown>
  /** @throws ProblemError when there is no token and key in it, so that nobody can be answered */
  payload(opened: unknown): IntakePayload
  /** @throws ProblemError `unauthenticated` */
  authenticate(token: string, now: number): Caller
  /** @throws ProblemError */
  submission(body: unknown): Submission
}

type Read =
  | { readonly kind: 'request'; readonly request: NewRequest }
  | { readonly kind: 'rejected'; readonly problem: ProblemError }
  | { readonly kind: 'poison'; readonly error: Error }

/** Per message: done, or the error that makes it poison. */
export type IntakeVerdict = { readonly ok: true } | { readonly ok: false; readonly error: Error }

/**
 * Requests that other services published. Each is answered on `erasure.status` under its intake key, accepted
 * or rejected; a message that does not open, or was sent under another's key, is poison.
 */
export class Intake {
  constructor(
    private readonly accepting: AcceptRequests,
    private readonly log: RequestLog,
    private readonly ports: IntakePorts,
    private readonly now: () => number = Date.now,
    /** Null when decisions may rest on the database. */
    private readonly blocked: () => Promise<string | null>,
  ) {}

  /** One verdict per message, in order. Idempotent: a message that comes again leads to the same request. */
  async receive(messages: readonly wire.ErasureIntake[]): Promise<IntakeVerdict[]> {
    if ((await this.blocked()) !== null)
      throw new PausedError('lethe_restored', "Lethe's own database was restored; intake waits.")
    const now = this.now()
    const read = await Promise.all(messages.map((message) => this.read(message, now)))
    const requests = read.flatMap((one) => (one.kind === 'request' ? [one.request] : []))
    const accepted = await this.accepting.accept(requests)
    const answers = new Map(requests.map((request, index) => [request, accepted[index] as Accepted]))
    for (const [index, one] of read.entries()) {
      const intakeKey = (messages[index] as wire.ErasureIntake).intakeKey
      if (one.kind === 'rejected') await this.reject(intakeKey, one.problem, now)
      else if (one.kind === 'request') await this.answer(intakeKey, answers.get(one.request) as Accepted, now)
    }
    return read.map((one) => (one.kind === 'poison' ? { ok: false, error: one.error } : { ok: true }))
  }

  private async read(message: wire.ErasureIntake, now: number): Promise<Read> {
    try {
      const { token, idempotencyKey, request } = this.payload(await this.ports.open(message.jwe))
      if (intakeKeyOf(token, idempotencyKey) !== message.intakeKey) {
        throw new UnprovenError('intake_key_mismatch', 'The intake key is not its own.')
      }
      const caller = this.ports.authenticate(token, now)
      const origin = { channel: 'intake', idempotencyKey, intakeKey: message.intakeKey } as const
      return { kind: 'request', request: newRequest(caller, this.ports.submission(request), origin, now) }
    } catch (error) {
      if (error instanceof ProblemError) return { kind: 'rejected', problem: error }
      if (error instanceof TerminalError) return { kind: 'poison', error }
      throw error
    }
  }

  /** Answering under a key that was not proven to be the sender's would publish whatever stands there. */
  private payload(opened: unknown): IntakePayload {
    try {
      return this.ports.payload(opened)
    } catch (cause) {
      throw new UnprovenError('intake_payload_invalid', 'An intake message names no sender.', { cause })
    }
  }

  private async answer(intakeKey: string, accepted: Accepted, now: number): Promise<void> {
    // A new request's own event says "accepted" already.
    if (accepted.kind === 'created') return
    if (accepted.kind === 'refused') return this.reject(intakeKey, accepted.problem, now)
    const { requestId } = accepted
    await this.log.transact([requestId], async (tx) => {
      const state = tx.state(requestId)
      if (state === null) throw problem('not_found')
      publish(tx, {
        requestId,
        tenantId: state.tenantId,
        subjectRef: state.subjectRef,
        intakeKey,
        status: 'accepted',
        requestStatus: state.status,
        problemCode: null,
        dueAt: state.dueAt,
        backupClearAt: state.backupClearAt,
        at: now,
        attested: [],
      })
    })
  }

  private async reject(intakeKey: string, { code }: ProblemError, now: number): Promise<void> {
    await this.log.transact([], async (tx) => {
      publish(tx, {
        requestId: null,
        tenantId: null,
        subjectRef: null,
        intakeKey,
        status: 'rejected',
        requestStatus: null,
        problemCode: code,
        dueAt: null,
        backupClearAt: null,
        at: now,
        attested: [],
      })
    })
  }
}

function publish(tx: LogTransaction, value: wire.ErasureStatusChanged): void {
  const key = value.subjectRef ?? value.intakeKey ?? ''
  tx.publish({ topic: 'erasure.status', key, type: 'ErasureStatusChanged', value, headers: {} }, value.at)
}
