import { randomUUID } from 'node:crypto'
import { instructionsOf } from '@lethe/data-map'
import { byHandOf, livingGrant, type RequestState, taskOf } from '@lethe/domain'
import type { LogTransaction, RequestLog } from '@lethe/request-log'
import { problem, TerminalError } from '@lethe/service-host'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { Identifier } from '../domain/identifier.js'
import { type Caller, mayDoTask } from '../domain/permissions.js'
import type { OpenedEntry, Vault } from '../vault/vault.js'
import { forbidden, visible } from './access.js'
import { auditTask } from './audit.js'
import type { DataMaps } from './data-maps.js'
import { decided } from './decided.js'
import type { FirstStep } from './first-step.js'

/** What a person is told who takes a task: whom it is about, what to do, until when they may be at it. */
export interface TakenTask {
  readonly systemId: string
  readonly passId: string
  /** Of the data map that the plan was frozen from; null when that can't be read any more. */
  readonly instructions: string | null
  readonly identifiers: readonly Identifier[]
  /** Epoch milliseconds. What came into the archive after the request was received may be somebody's who came back. */
  readonly receivedAt: number
  readonly until: number
}

interface Taken {
  readonly state: RequestState
  readonly task: TakenTask
}

/** What a person says they did, as the body said it. */
export interface Attested {
  readonly systemId: string
  readonly outcome: 'erased' | 'not_found'
  readonly records: number
  /** Now when left out, epoch milliseconds. */
  readonly doneAt?: number | undefined
  /** Names the evidence, such as the number of a protocol; free text, kept sealed. */
  readonly reference: string
  readonly note?: string | undefined
}

export interface Evidence {
  readonly systemId: string
  readonly reference: string
  readonly note: string | null
}

const evidenceShape = z.object({ reference: z.string(), note: z.string().nullable() })

/** What only a person can erase: they take the task, which is their clearance, and say afterwards what came of it. */
export class Tasks {
  constructor(
    private readonly parts: {
      readonly pool: Pool
      readonly log: RequestLog
      readonly vault: Vault
      readonly maps: DataMaps
      readonly firstStep: FirstStep
      /** Null when decisions may rest on the database. */
      readonly blocked: () => Promise<string | null>
      readonly now?: () => number
    },
  ) {}

  /**
   * Fails closed, as clearance does. The same person asking again while they may be at it is told the same again, and
   * every telling leaves a row in the audit.
   *
   * @throws ProblemError `not_found` also for another tenant's request, `forbidden`, `unavailable`, else the
   * decision's own code
   */
  async take(caller: Caller, requestId: string, systemId: string): Promise<Taken> {
    const { log, firstStep } = this.parts
    await this.assertTrusted()
    assertMay(caller, 'take', visible(await log.read(requestId), caller), systemId)
    const found = await firstStep.resolve([requestId], this.now())
    const taken = await log.transact([requestId], async (tx) => {
      await this.assertTrusted()
      assertMay(caller, 'take', visible(tx.state(requestId), caller), systemId)
      const unsure = (await firstStep.record(tx, found, this.now())).get(requestId)
      if (unsure === 'unavailable')
        throw problem(
          'unavailable',
          'A system that knows who is meant does not answer; take the task when it does.',
        )
      // The review that was opened just now is committed.
      return unsure === undefined ? this.grant(tx, caller, requestId, systemId) : null
    })
    if (taken !== null) return taken
    throw problem(
      'ambiguous_subject',
      'Somebody else has come to share an identifier; a person decides who is meant.',
    )
  }

  private async grant(
    tx: LogTransaction,
    caller: Caller,
    requestId: string,
    systemId: string,
  ): Promise<Taken> {
    const now = this.now()
    const { identifiers, stored } = await this.selectors(tx, requestId, systemId)
    const tombstone = { tombstoneId: uuidv7(), epoch: stored.epoch }
    const by = caller.id
    const command = { type: 'TakeTask', systemId, grantId: randomUUID(), by, tombstone } as const
    decided(tx.apply(requestId, command, now))
    const state = visible(tx.state(requestId), caller)
    const living = Object.values(state.passes).flatMap((pass) => {
      const grant = pass.systemId === systemId ? livingGrant(pass, by, now) : undefined
      return grant === undefined ? [] : [{ pass, grant }]
    })
    const last = living.at(-1)
    if (last === undefined) throw problem('internal')
    const { passId, attempt } = last.pass
    const { grantId, expiresAt: until } = last.grant
    await auditTask(tx.client, { at: now, credentialId: by, systemId, requestId, passId, attempt, grantId })
    const instructions = await this.instructions(state, systemId)
    const { receivedAt } = state.received
    return { state, task: { systemId, passId, instructions, identifiers, receivedAt, until } }
  }

  /**
   * Recorded in whatever state the request is. The evidence goes to the vault, and only when it is recorded.
   *
   * @throws ProblemError as `take`
   */
  async attest(caller: Caller, requestId: string, said: Attested): Promise<RequestState> {
    const { log, vault } = this.parts
    const { systemId, outcome, records, reference, note = null } = said
    return log.transact([requestId], async (tx) => {
      assertMay(caller, 'attest', visible(tx.state(requestId), caller), systemId)
      const now = this.now()
      const evidenceRef = randomUUID()
      const doneAt = said.doneAt ?? now
      const by = caller.id
      const command = { type: 'AttestTask', systemId, outcome, records, doneAt, by, evidenceRef } as const
      const events = decided(tx.apply(requestId, command, now))
      if (events.some(({ type }) => type === 'TaskAttested'))
        await vault.putNote(tx.client, {
          noteId: evidenceRef,
          requestId,
          text: JSON.stringify({ reference, note }),
        })
      return visible(tx.state(requestId), caller)
    })
  }

  /**
   * What was given as evidence; officers only, and every reading leaves a row in the audit.
   *
   * @throws ProblemError `not_found` also when its key is destroyed
   */
  async evidence(caller: Caller, requestId: string, systemId: string): Promise<Evidence> {
    const { pool, log, vault } = this.parts
    const state = visible(await log.read(requestId), caller)
    assertMay(caller, 'evidence', state, systemId)
    const said = state.plan?.steps.flatMap(({ stepId, systemId: of }) =>
      of === systemId ? [taskOf(state, stepId)?.attestation ?? null] : [],
    )
    const noteId = said?.find((one) => one !== null)?.evidenceRef
    if (noteId === undefined) throw problem('not_found', 'Nobody has marked such a task done.')
    const read = { actor: caller.id, purpose: 'note', at: this.now() } as const
    const text = await vault.readNote(pool, noteId, read).catch((error: unknown) => {
      if (error instanceof TerminalError) return null
      throw error
    })
    if (text === null)
      throw problem('not_found', 'The evidence can not be read any more: its key was destroyed.')
    return { systemId, ...evidenceShape.parse(JSON.parse(text)) }
  }

  private now(): number {
    return (this.parts.now ?? Date.now)()
  }

  private async assertTrusted(): Promise<void> {
    if ((await this.parts.blocked()) !== null)
      throw problem('unavailable', "Lethe's own database was restored; run: lethe restore self", {
        cause: 'lethe_restored',
      })
  }

  /** An entry that is missing or does not open is final: nothing else says whom the task is about. */
  private async selectors(tx: LogTransaction, requestId: string, systemId: string): Promise<OpenedEntry> {
    const opened = await this.parts.vault.open(tx.client, [requestId], systemId, 'clearance')
    const entry = opened.get(requestId)
    if (entry !== undefined && !(entry instanceof Error)) return entry
    throw problem('not_found', 'The vault holds nothing readable that says whom this task is about.')
  }

  private async instructions(state: RequestState, systemId: string): Promise<string | null> {
    const section = await this.parts.maps.section(state.plan?.mapVersion ?? 0, systemId)
    return section === null ? null : instructionsOf(section.system)
  }
}

/** Who may do a task is for the data map to say; that a system has none is for the decision. */
function assertMay(
  caller: Caller,
  action: 'take' | 'attest' | 'evidence',
  state: RequestState,
  systemId: string,
): void {
  if (!mayDoTask(caller, action, byHandOf(state, systemId)?.role ?? null)) throw forbidden(action)
}
