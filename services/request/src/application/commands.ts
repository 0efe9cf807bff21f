import { randomUUID } from 'node:crypto'
import { extendedDueAt, type RequestCommand, type RequestState } from '@lethe/domain'
import type { LogTransaction, RequestLog } from '@lethe/request-log'
import { problem } from '@lethe/service-host'
import { type Action, type Caller, inScope, may } from '../domain/permissions.js'
import type { Vault } from '../vault/vault.js'
import { decided } from './decided.js'

/** A command of a person or service on one request, as the body said it. */
export type Wanted =
  | { readonly verb: 'approve' }
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
  | { readonly verb: 'retry'; readonly systemId: string }

export interface Commanded {
  readonly state: RequestState
  /** Only after `hold`. */
  readonly hold: { readonly holdId: string; readonly effectiveAt: number } | null
}

/** Approve, refuse, hold, release, cancel, extend, retry: decided under the stream's lock. */
export class RequestCommands {
  constructor(
    private readonly log: RequestLog,
    private readonly vault: Vault,
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
      const noteId = 'reason' in wanted && wanted.reason ? randomUUID() : null
      const events = decided(tx.apply(requestId, commandOf(wanted, caller.id, noteId, state, now), now))
      if (noteId !== null && events.length > 0) await this.note(tx, requestId, noteId, wanted)
      const held = events.find((event) => event.type === 'RequestHeld')
      return {
        state: tx.state(requestId) ?? state,
        hold: held ? { holdId: held.data.holdId, effectiveAt: held.data.effectiveAt } : null,
      }
    })
  }

  private async note(tx: LogTransaction, requestId: string, noteId: string, wanted: Wanted): Promise<void> {
    if ('reason' in wanted && wanted.reason) {
      await this.vault.putNote(tx.client, { noteId, requestId, text: wanted.reason })
    }
  }
}

/** @throws ProblemError `not_found`, the same for what does not exist and for what is another tenant's. */
export function visible(state: RequestState | null, caller: Caller): RequestState {
  if (state === null || !inScope(caller, state.tenantId)) {
    throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
  }
  return state
}

export const forbidden = (action: Action) =>
  problem('forbidden', `None of your credential's roles may ${action.replace('_', ' ')} here.`)

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
      return { type: 'Extend', by, newDueAt, notifiedAt: wanted.notifiedAt ?? now, reasonRef }
    }
    case 'retry':
      return { type: 'RetrySystem', systemId: wanted.systemId, by }
    default:
      return wanted satisfies never
  }
}
