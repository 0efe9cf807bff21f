import { type Caller, problem } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import { may } from '../domain/permissions.js'
import type { Decision, Review } from '../domain/review.js'
import type { Guard } from './guard.js'
import type { Sweeps } from './sweeps.js'

export interface ReviewsParts {
  readonly systems: ReadonlySet<string>
  readonly reviews: ReviewStore
  readonly store: RestoreStore
  readonly guard: Pick<Guard, 'round'>
  readonly sweeps: Pick<Sweeps, 'ask'>
  readonly now?: () => number
}

const LISTED = 1_000

/** What people decide about records that may be of somebody who came back. Every decision is audited. */
export class Reviews {
  private readonly now: () => number

  constructor(private readonly parts: ReviewsParts) {
    this.now = parts.now ?? Date.now
  }

  async list(caller: Caller, systemId: string | null, all: boolean): Promise<Review[]> {
    if (!may(caller, 'read')) throw problem('forbidden', 'Your roles do not allow "read".')
    return this.parts.reviews.list(systemId, all, LISTED)
  }

  /**
   * May be said again until it is carried out. When nobody is left to decide about, a restore that waits is run again;
   * what is to be erased from a store in use is erased by a sweep, at once.
   *
   * @throws ProblemError `not_found`; `illegal_transition` when it was carried out
   */
  async decide(caller: Caller, reviewId: string, decision: Decision, ticket: string): Promise<Review> {
    if (!may(caller, 'decide')) throw problem('forbidden', 'Your roles do not allow "decide".')
    const { reviews, store } = this.parts
    const { systemId, restoreId } = await this.known(reviewId)
    const at = this.now()
    const detail = { reviewId, decision, ticket }
    await store.audit({ at, credentialId: caller.id, systemId, restoreId, action: 'decide', detail })
    if (!(await reviews.decide(reviewId, { decision, by: caller.id, ticket, at })))
      throw problem(
        'illegal_transition',
        'These records were erased already; what is found anew is asked anew.',
      )
    await this.goOn(systemId, decision)
    return this.known(reviewId)
  }

  private async goOn(systemId: string, decision: Decision): Promise<void> {
    const { reviews, store, guard, sweeps, systems } = this.parts
    if (!systems.has(systemId)) return
    const restore = (await store.underWay()).find((one) => one.systemId === systemId)
    if (restore === undefined) {
      if (decision === 'erase') await sweeps.ask(systemId)
      return
    }
    if (restore.phase !== 'waiting' || (await reviews.openOf(restore.restoreId)) > 0) return
    await store.startPhase(restore.restoreId, 'replaying')
    await guard.round()
  }

  private async known(reviewId: string): Promise<Review> {
    const review = await this.parts.reviews.review(reviewId)
    if (review === null)
      throw problem('not_found', 'There is no such review; lethe restore reviews lists them.')
    return review
  }
}
