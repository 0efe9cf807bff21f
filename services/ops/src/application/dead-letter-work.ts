import { type KafkaConfig, type RedriveResult, redrive } from '@lethe/messaging'
import { ProblemError, problem } from '@lethe/service-host'
import type { LetterReader, ReadLetter, Unread } from '../adapters/letter-reader.js'
import { may } from '../domain/permissions.js'
import { readable } from '../domain/readable.js'
import { concerns, tenantOf } from '../domain/whose.js'
import { forbidden } from './actions.js'
import { type DeadLetterView, QUARANTINE_AFTER, withoutKey } from './dead-letters.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'

/** Letters one call sends; the rest is left for the next. */
export const MOST_AT_ONCE = 1_000

export interface LetterView extends DeadLetterView {
  readonly headers: Readonly<Record<string, string>>
  /** The decoded message; null: not shown, and `unread` says why. */
  readonly message: { readonly type: string; readonly value: unknown } | null
  readonly unread: Unread | null
}

export interface RedriveQuestion {
  readonly group: string
  readonly topic?: string | undefined
  readonly code?: string | undefined
  /** Exactly these, also such as failed again and again. */
  readonly ids?: readonly string[] | undefined
  readonly dryRun: boolean
  /** Messages per second. */
  readonly rate: number
}

export interface RedriveView {
  readonly dryRun: boolean
  readonly selected: readonly DeadLetterView[]
  readonly redriven: number
  /** Neither the origin nor a copy exists any more. */
  readonly gone: readonly DeadLetterView[]
  /** Failed again too often; sent only when they are named. */
  readonly quarantined: number
  /** Fit as well, and are left for another call. */
  readonly left: number
}

/** A look at a dead letter, and sending letters again. */
export class DeadLetterWork {
  private busy = false

  constructor(
    private readonly kafka: KafkaConfig,
    private readonly reader: Pick<LetterReader, 'read'>,
    private readonly journal: Journal,
  ) {}

  /** Audited before it is shown. @throws ProblemError `not_found`, `forbidden` */
  async look(identity: Identity, group: string, id: string): Promise<LetterView> {
    return this.journal.around(entryOf(identity, 'look_into', `${group} ${id}`), async () => {
      if (!may(identity.caller, 'look_into')) throw forbidden('look_into')
      const found = (await this.own(identity, { group })).find(({ letter }) => letter.id === id)
      if (found === undefined)
        throw problem('not_found', 'There is no such dead letter, or it was sent again. See the list.')
      const { letter, headers, message, unread } = found
      return {
        ...withoutKey(letter),
        headers,
        message: message === null ? null : { type: message.type, value: readable(message.value) },
        unread,
      }
    })
  }

  /** @throws ProblemError `forbidden`, `not_found` when one that is named is not there: then nothing is sent */
  async redrive(identity: Identity, question: RedriveQuestion): Promise<RedriveView> {
    const { group, dryRun, rate } = question
    const entry = entryOf(identity, dryRun ? 'redrive_dry_run' : 'redrive', group)
    const work = (actionId: string) => async (): Promise<RedriveView> => {
      if (!may(identity.caller, 'redrive')) throw forbidden('redrive')
      const { chosen, quarantined, left } = await this.choose(identity, question)
      if (!dryRun) {
        const each = chosen.map((id) => ({ ...entry, target: `${group} ${id}`, outcome: 'sending' }))
        await this.journal.record(each, actionId)
      }
      const { selected, redriven, gone } = await this.send(group, chosen, dryRun, rate)
      const [shown, lost] = [selected.map(withoutKey), gone.map(withoutKey)]
      return { dryRun, selected: shown, redriven, gone: lost, quarantined, left }
    }
    return this.journal.around(entry, (actionId) => (dryRun ? work(actionId)() : this.alone(work(actionId))))
  }

  private async choose(identity: Identity, question: RedriveQuestion) {
    const { ids } = question
    const fitting = (await this.own(identity, question)).map(({ letter }) => letter)
    const named = ids === undefined ? fitting : fitting.filter(({ id }) => ids.includes(id))
    if (ids !== undefined && named.length !== new Set(ids).size)
      throw problem('not_found', 'Not every one that is named is there, so nothing was sent. See the list.')
    const again = named.filter(({ redrives }) => ids !== undefined || redrives < QUARANTINE_AFTER)
    const chosen = again.slice(0, MOST_AT_ONCE).map(({ id }) => id)
    return { chosen, quarantined: named.length - again.length, left: again.length - chosen.length }
  }

  private async send(
    group: string,
    ids: readonly string[],
    dryRun: boolean,
    rate: number,
  ): Promise<RedriveResult> {
    if (ids.length === 0) return { selected: [], redriven: 0, gone: [] }
    return redrive({ kafka: this.kafka, selection: { group, ids }, dryRun, rate })
  }

  /**
   * Letters whose message concerns the caller; another tenant's is not there. @throws ProblemError `unavailable` while
   * nobody can say whose they are: they would look as if there were none
   */
  private async own(
    { caller }: Identity,
    wanted: Pick<RedriveQuestion, 'group' | 'topic' | 'code'>,
  ): Promise<ReadLetter[]> {
    const { group, topic, code } = wanted
    const letters = await this.reader.read({ group, topic, code }).catch(() => {
      throw problem('unavailable', 'Kafka does not answer, so nothing was done. Try again later.')
    })
    const untold = letters.some(({ unread }) => unread?.startsWith('registry_') === true)
    if (untold && !concerns(caller, null))
      throw problem(
        'unavailable',
        'The schema registry does not answer, so it is not known whose messages these are, and nothing was done. Try again later.',
      )
    return letters.filter(({ message }) => concerns(caller, tenantOf(message?.value)))
  }

  /** One at a time: two that overlap would send the same twice. */
  private async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy)
      throw new ProblemError(
        'too_many_attempts',
        429,
        'Another redrive is running. Try again when it is done.',
      )
    this.busy = true
    try {
      return await work()
    } finally {
      this.busy = false
    }
  }
}
