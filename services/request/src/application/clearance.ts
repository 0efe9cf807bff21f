import { randomUUID } from 'node:crypto'
import { type RequestState, selectsByEverything } from '@lethe/domain'
import type { LogTransaction, RequestLog } from '@lethe/request-log'
import { deriveMacKey } from '@lethe/schemas'
import { problem, TerminalError } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Identifier, Subject } from '../domain/identifier.js'
import { type Caller, may } from '../domain/permissions.js'
import { surrogates } from '../domain/person.js'
import type { OpenedEntry, Vault } from '../vault/vault.js'
import { auditClearances, auditRefused } from './audit.js'
import type { FirstStep } from './first-step.js'
import { type FoundMarker, gateOf } from './gates.js'
import type { Resolution } from './identity.js'

export interface WantedPass {
  readonly requestId: string
  readonly passId: string
  readonly attempt: number
}
export interface ClearanceQuestion {
  readonly systemId: string
  readonly purpose: 'erase' | 'probe'
  readonly passes: readonly WantedPass[]
  /** What the eraser found in its store just before it asked. */
  readonly marker?: FoundMarker
}

export interface ClearedGrant {
  readonly grantId: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** base64url; the key of this pass's acknowledgement. */
  readonly macKey: string
}
export interface ClearanceAnswer {
  readonly requestId: string
  readonly passId: string
  readonly decision: 'go' | 'never' | 'not_now'
  readonly code?: string
  readonly retryAfterMs?: number
  readonly grant?: ClearedGrant
  /** base64url; the key of a probe's report. */
  readonly macKey?: string
  readonly subject?: Subject
  readonly mapVersion?: number
  readonly ceilingWaived?: boolean
}

export interface ClearanceSettings {
  readonly grantSecret: string
  /** Milliseconds a grant lives. */
  readonly grantTtlMs: number
  readonly retryAfterMs: number
}

/** Codes that may change by themselves or by a person's hand; every other refusal is final. */
const passing = new Set([
  'ambiguous_subject',
  'on_hold',
  'second_approval_needed',
  'over_ceiling',
  'gate_closed',
  'unavailable',
])

/**
 * The last word before anything is erased. Everything of one call is decided in one transaction under the
 * streams' locks; what can't be decided or unsealed gets no `go`.
 */
export class Clearance {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly vault: Vault,
    private readonly settings: ClearanceSettings,
    private readonly firstStep: FirstStep,
    private readonly knowsSystem: (systemId: string) => boolean,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws ProblemError `forbidden` when the credential is not this system's eraser, or its probe; audited. */
  async clear(caller: Caller, question: ClearanceQuestion): Promise<ClearanceAnswer[]> {
    const action = question.purpose === 'erase' ? 'clear' : 'look'
    if (!may(caller, action) || caller.systemId !== question.systemId) {
      await this.auditRefused(caller, question)
      throw problem(
        'forbidden',
        `Only a credential of this very system with the role ${question.purpose === 'erase' ? 'eraser' : 'probe'} gets clearance for this.`,
      )
    }
    const ids = [...new Set(question.passes.map(({ requestId }) => requestId))]
    const erasing = question.purpose === 'erase'
    const found = erasing ? await this.firstStep.resolve(ids, this.now()) : noneFound
    return this.log.transact(ids, async (tx) => {
      const now = this.now()
      const { systemId, marker } = question
      const shut = erasing && (await gateOf(tx.client, systemId, marker, now)) === 'shut'
      const blocked = shut
        ? new Map(ids.map((id) => [id, 'gate_closed']))
        : await this.firstStep.record(tx, found, now)
      const entries = await this.vault.open(tx.client, ids, question.systemId)
      const answers = question.passes.map((pass) => {
        const code = blocked.get(pass.requestId)
        if (code !== undefined) return this.notNow(pass, code)
        const entry = entries.get(pass.requestId)
        return erasing
          ? this.erase(tx, question.systemId, pass, entry, now)
          : this.probe(tx, question.systemId, pass, entry)
      })
      await auditClearances(tx.client, { at: now, credentialId: caller.id, question, answers })
      return answers
    })
  }

  /** Who asks for what is not theirs is worth a look. What they sent may be anything, so only ids are kept. */
  private auditRefused(caller: Caller, { systemId, purpose, passes }: ClearanceQuestion): Promise<void> {
    return auditRefused(this.pool, {
      at: this.now(),
      credentialId: caller.id,
      systemId: this.knowsSystem(systemId) ? systemId : '@unknown',
      purpose,
      requestIds: [...new Set(passes.map(({ requestId }) => requestId))],
    })
  }

  private erase(
    tx: LogTransaction,
    systemId: string,
    pass: WantedPass,
    entry: OpenedEntry | Error | undefined,
    now: number,
  ): ClearanceAnswer {
    const state = tx.state(pass.requestId)
    const known = state?.passes[pass.passId]
    if (state === null || known === undefined || known.systemId !== systemId) return never(pass, 'not_found')
    if (entry === undefined || entry instanceof Error) return never(pass, codeOf(entry))
    const grantId = randomUUID()
    const { grantTtlMs: ttlMs, grantSecret } = this.settings
    const { requestId, passId, attempt } = pass
    const tombstone = { tombstoneId: randomUUID(), epoch: entry.stored.epoch }
    const decision = tx.apply(
      requestId,
      { type: 'IssueGrant', systemId, stepId: known.stepId, passId, attempt, grantId, ttlMs, tombstone },
      now,
    )
    if (!decision.ok) {
      return passing.has(decision.code) ? this.notNow(pass, decision.code) : never(pass, decision.code)
    }
    const issued = decision.events.find((event) => event.type === 'GrantIssued')
    if (issued === undefined) return never(pass, 'illegal_transition')
    const scope = { purpose: 'ack', requestId, systemId, passId, attempt, grantId } as const
    const macKey = deriveMacKey(grantSecret, scope).toString('base64url')
    const everything = selectsByEverything(state, passId, now)
    return {
      ...go(state, pass, everything ? entry.identifiers : surrogates(entry.identifiers)),
      grant: { grantId, expiresAt: issued.data.expiresAt, macKey },
      ceilingWaived: known.ceilingWaived,
    }
  }

  private probe(
    tx: LogTransaction,
    systemId: string,
    pass: WantedPass,
    entry: OpenedEntry | Error | undefined,
  ): ClearanceAnswer {
    const state = tx.state(pass.requestId)
    const known = state?.probes[pass.passId]
    if (state === null || known === undefined || known.systemId !== systemId) return never(pass, 'not_found')
    if (entry === undefined || entry instanceof Error) return never(pass, codeOf(entry))
    const { requestId, passId } = pass
    // A probe changes nothing and looks with everything: a row that only an e-mail leads to is residue, too.
    const key = deriveMacKey(this.settings.grantSecret, { purpose: 'probe', requestId, systemId, passId })
    return { ...go(state, pass, entry.identifiers), macKey: key.toString('base64url') }
  }

  private notNow(pass: WantedPass, code: string): ClearanceAnswer {
    const { requestId, passId } = pass
    return { requestId, passId, decision: 'not_now', code, retryAfterMs: this.settings.retryAfterMs }
  }
}

const noneFound: ReadonlyMap<string, Resolution> = new Map()

const never = ({ requestId, passId }: WantedPass, code: string): ClearanceAnswer => ({
  requestId,
  passId,
  decision: 'never',
  code,
})

/** An entry that is missing or does not open is final until a person looks: nothing else could select. */
const codeOf = (entry: Error | undefined): string =>
  entry instanceof TerminalError ? entry.code : 'not_found'

function go(
  state: RequestState,
  { requestId, passId }: WantedPass,
  identifiers: readonly Identifier[],
): ClearanceAnswer {
  return {
    requestId,
    passId,
    decision: 'go',
    subject: {
      subjectRef: state.subjectRef,
      tenantId: state.tenantId,
      identifiers,
      receivedAt: state.received.receivedAt,
    },
    mapVersion: state.plan?.mapVersion ?? 0,
    ceilingWaived: false,
  }
}
