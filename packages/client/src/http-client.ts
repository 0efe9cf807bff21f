import { randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { type ClientOptions, callJson, pathPart, UnreachableError } from './http-call.js'
import type {
  CheckedMap,
  EpochOutlook,
  ErasureRequestView,
  EvidenceView,
  ImportedTombstones,
  ImportLine,
  ImportOptions,
  ListFilter,
  NewErasureRequest,
  Page,
  Preview,
  ResealedEpoch,
  TimelineEntry,
  VaultEpoch,
  VaultPepper,
  VerificationRow,
} from './types.js'

export type Command =
  | 'approve'
  | 'refuse'
  | 'hold'
  | 'release'
  | 'cancel'
  | 'extend'
  | 'retry'
  | 'reprobe'
  | 'take'
  | 'attest'

/** Calls the request service over HTTP. Every method throws `ProblemError` or `UnreachableError`. */
export class LetheClient {
  constructor(private readonly options: ClientOptions) {}

  /**
   * Asks for an erasure. Idempotent per `idempotencyKey`: the same key answers with the same request.
   * A key is drawn when none is given; keep it if you may have to send again.
   */
  request(input: NewErasureRequest, idempotencyKey: string = randomUUID()): Promise<ErasureRequestView> {
    return this.call('POST', '/v1/erasure-requests', input, { 'idempotency-key': idempotencyKey })
  }

  get(requestId: string): Promise<ErasureRequestView> {
    return this.call('GET', `/v1/erasure-requests/${pathPart(requestId)}`)
  }

  list(filter: ListFilter = {}): Promise<Page<ErasureRequestView>> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(filter))
      if (value !== undefined) query.set(name, String(value))
    return this.call('GET', `/v1/erasure-requests?${query}`)
  }

  events(requestId: string): Promise<{ items: TimelineEntry[] }> {
    return this.call('GET', `/v1/erasure-requests/${pathPart(requestId)}/events`)
  }

  verification(requestId: string): Promise<{ items: VerificationRow[] }> {
    return this.call('GET', `/v1/erasure-requests/${pathPart(requestId)}/verification`)
  }

  /** Counts of what is held about a person, per system and collection. Reads only; nothing is stored. */
  preview(input: Pick<NewErasureRequest, 'tenantId' | 'identifiers'>): Promise<Preview> {
    return this.call('POST', '/v1/previews', input)
  }

  /**
   * Checks a data map (YAML) against the live stores, or the one in force. Changes nothing. Throws
   * `ProblemError` `map_invalid` with `problems` in its extensions when the text does not parse.
   */
  checkMap(map?: string): Promise<CheckedMap> {
    return map === undefined ? this.call('GET', '/v1/map-check') : this.call('POST', '/v1/map-check', { map })
  }

  /**
   * Approve, refuse, hold, release, cancel, extend, retry, reprobe, take or attest. Idempotent where the service says
   * so. `take` also answers whom the task is about: `TakenTaskView`.
   */
  command<T = ErasureRequestView>(requestId: string, command: Command, body: object = {}): Promise<T> {
    return this.call('POST', `/v1/erasure-requests/${pathPart(requestId)}/${command}`, body)
  }

  /** What was given as evidence of a task that is done; for officers, and audited. */
  evidence(requestId: string, systemId: string): Promise<EvidenceView> {
    return this.call('POST', `/v1/erasure-requests/${pathPart(requestId)}/evidence`, { systemId })
  }

  /** Epochs of the vault. This and every method below is for administrators of all tenants. */
  vault(): Promise<{ epochs: VaultEpoch[] }> {
    return this.call('GET', '/v1/vault')
  }

  /** A new epoch from now on. Not idempotent: told twice there are two. */
  rotateVault(options: { dryRun: boolean }): Promise<{ dryRun: boolean; epoch: string | null }> {
    return this.call('POST', '/v1/vault/rotate', options)
  }

  /** Seals what an epoch is needed for anew. Idempotent; goes on where a crash interrupted it. */
  resealVault(options: { epoch: string; dryRun: boolean }): Promise<ResealedEpoch> {
    return this.call('POST', '/v1/vault/reseal', options)
  }

  /** Destroys the key of an epoch, for ever. Idempotent; `illegal_transition` while it is needed. */
  destroyEpoch(options: {
    epoch: string
    dryRun: boolean
    giveUpUnreadable: boolean
  }): Promise<{ dryRun: boolean; outlook: EpochOutlook; backupClear: number }> {
    return this.call('POST', '/v1/vault/destroy', options)
  }

  /** People who were erased by other means, at most 1,000 a call. Idempotent by what a line says. */
  importTombstones(lines: readonly ImportLine[], options: ImportOptions): Promise<ImportedTombstones> {
    return this.call('POST', '/v1/tombstones/import', { lines, ...options })
  }

  peppers(): Promise<{ peppers: VaultPepper[] }> {
    return this.call('GET', '/v1/vault/peppers')
  }

  /** A new pepper. Not idempotent: told twice there are two. */
  rotatePepper(options: { dryRun: boolean }): Promise<{ dryRun: boolean; version: string | null }> {
    return this.call('POST', '/v1/vault/peppers/rotate', options)
  }

  /** Public key for `erasure.intake` messages, as a JWK. */
  intakeKey(): Promise<JWK> {
    return this.call('GET', '/v1/intake-key')
  }

  /**
   * The request each time it changed, until it needs nothing more, or a person, or `signal` aborts. Polls every
   * `everyMs` milliseconds; an unreachable service is waited for, and `onAway` is told once per outage.
   */
  async *watch(
    requestId: string,
    everyMs = 200,
    signal?: AbortSignal,
    onAway?: () => void,
  ): AsyncGenerator<ErasureRequestView> {
    let version = -1
    let away = false
    while (!signal?.aborted) {
      const view = await this.get(requestId).catch((error: unknown) => {
        if (error instanceof UnreachableError) return null
        throw error
      })
      if (view === null && !away) onAway?.()
      away = view === null
      if (view && view.version !== version) {
        version = view.version
        yield view
        if (settled.has(view.status) || onlyTasksLeft(view)) return
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }

  private call<T>(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<T> {
    return callJson(this.options, method, path, body, headers)
  }
}

/** Statuses in which a request changes no more without a person or a date. */
const settled: ReadonlySet<string> = new Set([
  'AWAITING_IDENTITY',
  'AWAITING_APPROVAL',
  'COMPLETED',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'ON_HOLD',
  'REFUSED',
  'CANCELLED',
])

/** Everything is erased and verified but what a person does by hand, and that may take days. */
const onlyTasksLeft = ({ attention, systems }: ErasureRequestView): boolean =>
  attention?.code === 'task_open' &&
  systems.every(
    ({ attested, verified, status }) => attested !== undefined || verified || status === 'NOT_APPLICABLE',
  )
