import { randomUUID } from 'node:crypto'
import { extendedDueAt, type RequestCommand, type RequestState } from '@lethe/domain'
import type { LogTransaction, RequestLog } from '@lethe/request-log'
import { problem } from '@lethe/service-host'
import { namesPerson } from '../domain/names-person.js'
import { type Caller, may } from '../domain/permissions.js'
import { countByType } from '../domain/person.js'
import { type Vault, wholePerson } from '../vault/vault.js'
import { forbidden, visible } from './access.js'
import { auditReview } from './audit.js'
import type { DataMaps } from './data-maps.js'
import { decided } from './decided.js'
import { lockDigests } from './duplicates.js'
import { normalised, type Submission } from './new-request.js'
import { sealedApart } from './planning.js'
import { replayingUntil } from './replay-pages.js'

/** A command of a person or service on one request, as the body said it. */
export type Wanted =
  | { readonly verb: 'approve'; readonly identifiers?: Submission['identifiers'] | undefined }
  | { readonly verb: 'refuse'; readonly ground: string; readonly citation: string }
  | { readonly verb: 'hold'; readonly reason?: string | undefined }
  | { readonly verb: 'release'; readonly holdId?: string | undefined }
  | { readonly verb: 'cancel' }
  | {
      readonly verb: 'extend'
      readonly newDueAt?: number | undefined
      readonly notifiedAt?: number | undefined
      readonly reason?: string | undefined
    }
  | { readonly verb: 'retry' | 'reprobe'; readonly systemId: string }

export interface Commanded {
  readonly state: RequestState
  /** Only after `hold`. */
  readonly hold: { readonly holdId: string; readonly effectiveAt: number } | null
}

/** Approve, refuse, hold, release, cancel, extend, retry, reprobe: decided under the stream's lock. */
export class RequestCommands {
  constructor(
    private readonly log: RequestLog,
    private readonly vault: Vault,
    private readonly maps: DataMaps,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @throws ProblemError `not_found` also for another tenant's request, `forbidden` when the role does not
   * allow it, else the decision's own code
   */
  async run(caller: Caller, requestId: string, wanted: Wanted): Promise<Commanded> {
    return this.log.transact([requestId], async (tx) => {
      const state = visible(tx.state(requestId), caller)
      if (!may(caller, wanted.verb)) throw forbidden(wanted.verb)
      const now = this.now()
      if (wanted.verb === 'approve' && (await this.settleIdentity(tx, caller, state, wanted.identifiers))) {
        return { state: tx.state(requestId) ?? state, hold: null }
      }
      if (wanted.verb === 'refuse') await this.assertNamesNobody(tx, caller.id, requestId, wanted)
      const noteId = 'reason' in wanted && wanted.reason ? randomUUID() : null
      const command = commandOf(wanted, caller.id, noteId, state, now)
      const until = command.type === 'Hold' ? await replayingUntil(tx.client, this.now) : undefined
      const lasting = until === undefined ? command : { ...command, replayingUntil: until }
      const events = decided(tx.apply(requestId, lasting, now))
      if (noteId !== null && events.length > 0) await this.note(tx, requestId, noteId, wanted)
      const held = events.find((event) => event.type === 'RequestHeld')
      return {
        state: tx.state(requestId) ?? state,
        hold: held ? { holdId: held.data.holdId, effectiveAt: held.data.effectiveAt } : null,
      }
    })
  }

  /**
   * Approving an identity review says who is meant: by naming the person anew, or by confirming what was given.
   * Before the plan the next resolution freezes it; at the first step the entries the erasers get are sealed
   * anew, with nothing in them but what is named. @returns whether the review is settled by that alone
   */
  private async settleIdentity(
    tx: LogTransaction,
    caller: Caller,
    state: RequestState,
    given: Submission['identifiers'] | undefined,
  ): Promise<boolean> {
    const { review, requestId, tenantId } = state
    if (given === undefined) {
      if (review === null || review.candidates < 2) return false
      throw problem('ambiguous_subject', 'Name the one person who is meant: approve with identifiers.')
    }
    const identifiers = normalised(given)
    const unknown = this.maps.unknownVendor(identifiers)
    if (unknown !== null) throw unknown
    const found = countByType(identifiers)
    decided(tx.apply(requestId, { type: 'NameSubject', by: caller.id, found }, this.now()))
    const digests = this.vault.digests(tenantId, identifiers)
    await lockDigests(tx.client, [{ tenantId, digests }])
    await this.vault.put(tx.client, sealedApart(this.maps, state, identifiers))
    await this.vault.putDigests(tx.client, [{ tenantId, requestId, digests }])
    await auditReview(tx.client, { at: this.now(), credentialId: caller.id, requestId })
    return true
  }

  /** Why a request was refused is told to the person and stands in an event, so it must do without their name. */
  private async assertNamesNobody(
    tx: LogTransaction,
    actor: string,
    requestId: string,
    { ground, citation }: Extract<Wanted, { verb: 'refuse' }>,
  ): Promise<void> {
    const read = { actor, purpose: 'refusal', at: this.now() } as const
    const entry = (await this.vault.open(tx.client, [requestId], wholePerson, read)).get(requestId)
    const identifiers = entry === undefined || entry instanceof Error ? [] : entry.identifiers
    if (!namesPerson(`${ground}\n${citation}`, identifiers)) return
    throw problem(
      'invalid_request',
      'body.citation names the person: cite the law and leave identifiers out.',
    )
  }

  private async note(tx: LogTransaction, requestId: string, noteId: string, wanted: Wanted): Promise<void> {
    if ('reason' in wanted && wanted.reason) {
      await this.vault.putNote(tx.client, { noteId, requestId, text: wanted.reason })
    }
  }
}

function commandOf(
  wanted: Wanted,
  by: string,
  reasonRef: string | null,
  state: RequestState,
  now: number,
): RequestCommand {
  switch (wanted.verb) {
    case 'approve':
      return { type: 'Approve', by }
    case 'refuse':
      return { type: 'Refuse', by, ground: wanted.ground, citation: wanted.citation }
    case 'hold':
      return { type: 'Hold', holdId: randomUUID(), by, reasonRef }
    case 'release':
      return { type: 'Release', holdId: wanted.holdId ?? null, by }
    case 'cancel':
      return { type: 'Cancel', by }
    case 'extend': {
      const { regime, receivedAt } = state.received
      const newDueAt = wanted.newDueAt ?? extendedDueAt(regime, receivedAt)
      if (newDueAt === null) throw problem('illegal_transition', `The regime ${regime} knows no extension.`)
      return { type: 'Extend', by, newDueAt, notifiedAt: wanted.notifiedAt ?? now, reasonRef }
    }
    case 'retry':
      return { type: 'RetrySystem', systemId: wanted.systemId, by }
    case 'reprobe':
      return { type: 'Reprobe', systemId: wanted.systemId }
    default:
      return wanted satisfies never
  }
}
