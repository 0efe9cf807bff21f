import { setTimeout as delay } from 'node:timers/promises'
import {
  LetheClient,
  LetheIntake,
  type NewErasureRequest,
  ProblemError,
  UnreachableError,
} from '@lethe/client'
import { type StoreAddresses, sight } from '../checker/stores.js'
import { type PlannedRequest, plannedRequest } from '../plan/requests.js'
import type { World } from '../world/world.js'
import type { History } from './history.js'
import type { InFlight } from './in-flight.js'

export interface LoadOptions {
  readonly seed: number
  /** Requests per second while there is room. */
  readonly perSecond: number
  /** No more are asked for while so many are under way. */
  readonly maxInFlight: number
  /** People there are to ask for. */
  readonly people: number
  /** Factor by which commands come later than planned, 1 or more. */
  readonly later: number
}

/** A hold is in force at its effective time; what was sent to a store just before may still be on its way back. */
const SETTLED_MS = 300

/** Callers: each keeps its idempotency key and asks again until it is answered, as the client's README says. */
export class Load {
  #stopping = false
  #flows = new Set<Promise<void>>()
  #n = 0

  constructor(
    private readonly world: World,
    private readonly history: History,
    private readonly inFlight: InFlight,
    private readonly options: LoadOptions,
    private readonly signal: AbortSignal,
  ) {}

  get asked(): number {
    return this.#n
  }

  async run(): Promise<void> {
    while (!this.#stopping && !this.signal.aborted && this.#n < this.options.people) {
      // Callers that still wait for an answer count as well: a service that is down is not flooded afterwards.
      const busy = Math.max(this.inFlight.inFlight, 0) + this.#flows.size
      if (busy < this.options.maxInFlight) this.#begin(plannedRequest(this.options.seed, this.#n++))
      await delay(1_000 / this.options.perSecond)
    }
  }

  /** Asks for nothing more, and waits until what was begun is said. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#flows)
  }

  #begin(planned: PlannedRequest): void {
    const flow = this.#flow(planned)
      .catch((error: unknown) => {
        if (!this.signal.aborted) throw error
      })
      .finally(() => this.#flows.delete(flow))
    this.#flows.add(flow)
  }

  async #flow(planned: PlannedRequest): Promise<void> {
    const { n, customer, life, via, idempotencyKey: key } = planned
    this.history.add({ type: 'asked', at: Date.now(), n, customer, life, via, key })
    const times = life === 'repeated' ? 3 : 1
    const ids = await Promise.all(Array.from({ length: times }, () => this.#ask(planned)))
    const requestId = ids.find((id) => id !== null)
    if (requestId) await this.#live(planned, requestId)
  }

  /** @returns the request's id, where the answer tells it */
  async #ask(planned: PlannedRequest): Promise<string | null> {
    const { n, idempotencyKey } = planned
    const done = (requestId: string | null, intakeKey: string | null) => {
      this.history.add({ type: 'accepted', at: Date.now(), n, requestId, intakeKey })
      return requestId
    }
    if (planned.via === 'intake') {
      const intakeKey = await this.#again((attempt) => this.#publish(planned, attempt))
      return done(null, intakeKey)
    }
    try {
      const { requestId } = await this.#again(() =>
        this.#client('operator').request(bodyOf(planned), idempotencyKey),
      )
      return done(requestId, null)
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      this.history.add({ type: 'rejected', at: Date.now(), n, code: error.code })
      return null
    }
  }

  #intake: Promise<LetheIntake> | null = null

  async #publish(planned: PlannedRequest, attempt: number): Promise<string> {
    if (attempt > 1) await this.#forgetIntake()
    this.#intake ??= this.#connectIntake()
    const intake = await this.#intake
    return intake.publish(bodyOf(planned), planned.idempotencyKey)
  }

  async #connectIntake(): Promise<LetheIntake> {
    const { at, secrets } = this.world.context
    const token = secrets.token('shop-backend')
    const key = await new LetheClient({ url: at.requestUrl, token }).intakeKey()
    const kafka = { brokers: at.brokers, clientId: 'fault-load' }
    return LetheIntake.connect({ kafka, registryUrl: at.registryUrl, token, key })
  }

  async #forgetIntake(): Promise<void> {
    const intake = await this.#intake?.catch(() => null)
    this.#intake = null
    await intake?.close().catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.#forgetIntake()
  }

  async #live(planned: PlannedRequest, requestId: string): Promise<void> {
    const { life, commandAfterMs } = planned
    if (life === 'plain' || life === 'repeated') return
    await delay(commandAfterMs * this.options.later)
    if (life === 'held' || life === 'held-released') return this.#hold(planned, requestId)
    const command = { cancelled: 'cancel', refused: 'refuse', approved: 'approve' } as const
    const body = life === 'refused' ? { ground: '17(3)(b)', citation: 'kept by law' } : {}
    await this.#command(planned, requestId, command[life], body)
  }

  async #command(
    { n }: PlannedRequest,
    requestId: string,
    command: 'cancel' | 'refuse' | 'approve' | 'hold' | 'release',
    body: object,
  ): Promise<{ effectiveAt?: number } | null> {
    const said = (refused: string | null) =>
      this.history.add({ type: 'commanded', at: Date.now(), n, requestId, command, refused })
    try {
      const answer = await this.#again(() =>
        this.#client('privacy-officer').command<{ effectiveAt?: number }>(requestId, command, body),
      )
      said(null)
      return answer
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      said(error.code)
      return null
    }
  }

  async #hold(planned: PlannedRequest, requestId: string): Promise<void> {
    const { n, customer, life, holdMs } = planned
    const held = await this.#command(planned, requestId, 'hold', { reason: 'a dispute' })
    if (typeof held?.effectiveAt !== 'number') return
    const { effectiveAt } = held
    this.history.add({ type: 'held', at: Date.now(), n, requestId, effectiveAt })
    await delay(Math.max(0, effectiveAt + SETTLED_MS - Date.now()))
    await this.#watched(requestId, customer, 'effective')
    if (life === 'held') return
    await delay(holdMs)
    await this.#watched(requestId, customer, 'last')
    await this.#command(planned, requestId, 'release', {})
    this.history.add({ type: 'released', at: Date.now(), n, requestId })
  }

  async #watched(requestId: string, customer: number, moment: 'effective' | 'last'): Promise<void> {
    const seen = await this.#again(() => sight(addresses(this.world), customer))
    this.history.add({ type: 'watched', at: Date.now(), requestId, moment, seen })
  }

  #client(credential: string): LetheClient {
    const { at, secrets } = this.world.context
    return new LetheClient({ url: at.requestUrl, token: secrets.token(credential), timeoutMs: 8_000 })
  }

  /** Until it is answered. Only an answer that will not change by asking again is thrown. */
  async #again<T>(ask: (attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.signal.throwIfAborted()
      try {
        return await ask(attempt)
      } catch (error) {
        const final = error instanceof ProblemError && error.status < 500 && error.status !== 429
        if (final) throw error
        if (error instanceof TypeError && !(error.cause instanceof Error)) throw error
        await delay(error instanceof UnreachableError ? 250 : 500)
      }
    }
  }
}

export const addresses = ({ context: { at }, searchUrl }: World): StoreAddresses => ({
  shopPg: at.shopPostgresUrl,
  redis: at.shopRedisUrl,
  search: searchUrl,
})

function bodyOf({ customer, by, life }: PlannedRequest): NewErasureRequest {
  const waits = life === 'cancelled' || life === 'refused'
  return {
    tenantId: 'acme',
    identifiers: [
      by === 'email'
        ? { type: 'email', value: `customer${customer}@example.com` }
        : { type: 'user_id', value: `u${customer}` },
    ],
    requesterRole: 'self',
    identity: { method: 'signed_in_session' },
    graceDays: waits ? 7 : 0,
    ...(life === 'approved' ? { approval: 'required' } : {}),
  }
}
