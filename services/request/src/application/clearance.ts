import { randomUUID } from 'node:crypto'
import { type RequestState, selectsByEverything } from '@lethe/domain'
import { backToBack, type LogTransaction, type RequestLog } from '@lethe/request-log'
import { deriveMacKey } from '@lethe/schemas'
import { ProblemError, problem, TerminalError } from '@lethe/service-host'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { Identifier, Subject } from '../domain/identifier.js'
import { type Caller, may } from '../domain/permissions.js'
import { surrogates } from '../domain/person.js'
import type { OpenedEntry, Vault } from '../vault/vault.js'
import { auditClearances, auditRefused } from './audit.js'
import { Batcher } from './batcher.js'
import type { FirstStep } from './first-step.js'
import { type FoundMarker, gateOf } from './gates.js'

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
  'lethe_restored',
])

/** One eraser's question, its credential checked. */
interface Asked {
  readonly credentialId: string
  readonly question: ClearanceQuestion
}

/** Passes decided in one transaction; a question may have more. */
const maxBatch = 500
/** Transactions at once. Systems ask about the same requests, so more would wait for each other's locks. */
const concurrency = 2
/** Questions in flight; erasers and probes are few, and each has a handful. */
const maxInFlight = 1_000

/**
 * The last word before anything is erased. What is asked while an earlier answer is being decided is decided in
 * one transaction under the streams' locks; what can't be decided or unsealed gets no `go`.
 */
export class Clearance {
  private readonly batcher: Batcher<Asked, ClearanceAnswer[]>

  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly vault: Vault,
    private readonly settings: ClearanceSettings,
    private readonly firstStep: FirstStep,
    private readonly knowsSystem: (systemId: string) => boolean,
    private readonly now: () => number = Date.now,
    /** Null when decisions may rest on the database, else the code of every answer. */
    private readonly blocked: () => Promise<string | null>,
  ) {
    const limits = {
      maxBatch,
      concurrency,
      maxInFlight,
      weightOf: ({ question }: Asked) => question.passes.length,
    }
    this.batcher = new Batcher((asked) => this.decide(asked), limits)
  }

  /**
   * @throws ProblemError `forbidden` when the credential is not this system's eraser, or its probe (audited);
   * `queue_full` at the bound
   */
  async clear(caller: Caller, question: ClearanceQuestion): Promise<ClearanceAnswer[]> {
    const action = question.purpose === 'erase' ? 'clear' : 'look'
    if (!may(caller, action) || caller.systemId !== question.systemId) {
      await this.auditRefused(caller, question)
      throw problem(
        'forbidden',
        `Only a credential of this very system with the role ${question.purpose === 'erase' ? 'eraser' : 'probe'} gets clearance for this.`,
      )
    }
    const submitted = this.batcher.submit({ credentialId: caller.id, question })
    if (submitted === null) throw new ProblemError('queue_full', 429, 'Ask again in a second.')
    return submitted
  }

  private async decide(asked: readonly Asked[]): Promise<ClearanceAnswer[][]> {
    const erasing = asked.filter(({ question }) => question.purpose === 'erase')
    const ids = requestsOf(asked)
    if ((await this.blocked()) !== null) return this.waiting(asked)
    const found = await this.firstStep.resolve(requestsOf(erasing), this.now())
    return this.log.transact(ids, async (tx) => {
      // Again, because the transaction may have got a new connection: the database may be another one since.
      if ((await this.blocked()) !== null) return this.waiting(asked)
      const now = this.now()
      const shut = await this.shut(tx, erasing, now)
      const wanted = new Set(requestsOf(erasing.filter((one) => !shut.has(one))))
      const starting = new Map([...found].filter(([requestId]) => wanted.has(requestId)))
      const blocked = await this.firstStep.record(tx, starting, now)
      const opened = await this.open(tx, asked)
      const answered = asked.map((one) => {
        const { credentialId, question } = one
        const { systemId, passes } = question
        const answers = passes.map((pass) => {
          const entry = opened.get(systemId)?.get(pass.requestId)
          if (question.purpose === 'probe') return this.probe(tx, systemId, pass, entry)
          const code = shut.has(one) ? 'gate_closed' : blocked.get(pass.requestId)
          return code === undefined ? this.erase(tx, systemId, pass, entry, now) : this.notNow(pass, code)
        })
        return { at: now, credentialId, question, answers }
      })
      await backToBack(
        tx.client,
        answered.map((one) => () => auditClearances(tx.client, one)),
      )
      return answered.map(({ answers }) => answers)
    })
  }

  /** Lethe's own database was restored: it does not know whom it does not know. */
  private waiting(asked: readonly Asked[]): ClearanceAnswer[][] {
    return asked.map(({ question }) => question.passes.map((pass) => this.notNow(pass, 'lethe_restored')))
  }

  /** The questions whose system has its gate shut. Gates are asked for in one order, as all locks are. */
  private async shut(
    tx: LogTransaction,
    erasing: readonly Asked[],
    now: number,
  ): Promise<ReadonlySet<Asked>> {
    const ordered = erasing.toSorted((a, b) => (a.question.systemId < b.question.systemId ? -1 : 1))
    const gates = await backToBack(
      tx.client,
      ordered.map(
        ({ question: { systemId, marker } }) =>
          () =>
            gateOf(tx.client, systemId, marker, now),
      ),
    )
    return new Set(ordered.filter((_, index) => gates[index] === 'shut'))
  }

  /** The sealed identifiers every system asked for, by system and request. */
  private async open(
    tx: LogTransaction,
    asked: readonly Asked[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, OpenedEntry | Error>>> {
    const systems = [...new Set(asked.map(({ question }) => question.systemId))]
    const entries = await backToBack(
      tx.client,
      systems.map((systemId) => () => {
        const ids = requestsOf(asked.filter(({ question }) => question.systemId === systemId))
        return this.vault.open(tx.client, ids, systemId, 'clearance')
      }),
    )
    return new Map(systems.map((systemId, index) => [systemId, entries[index] ?? new Map()]))
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
    // In order of time, as pages of a replay read them: what is written meanwhile comes after the page under way.
    const tombstone = { tombstoneId: uuidv7(), epoch: entry.stored.epoch }
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

const requestsOf = (asked: readonly Asked[]): string[] => [
  ...new Set(asked.flatMap(({ question }) => question.passes.map(({ requestId }) => requestId))),
]

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
