import { ProblemError, problem } from '@lethe/service-host'
import type { Accepted, AcceptRequests, NewRequest } from './accept.js'
import { Batcher } from './batcher.js'

/** Requests of one transaction: large enough to amortise it, small enough to answer in milliseconds. */
const maxBatch = 200
const concurrency = 2

/** Seconds after which a caller that was turned away should come back. */
export const retryAfterSeconds = 1

/** Accepts what arrives together in one transaction; bounded, so that a flood is refused instead of kept. */
export class AcceptQueue {
  private readonly batcher: Batcher<NewRequest, Accepted>

  constructor(
    accepting: AcceptRequests,
    maxInFlight: number,
    /** Null when decisions may rest on the database. */
    private readonly blocked: () => Promise<string | null>,
  ) {
    this.batcher = new Batcher((items) => accepting.accept(items), { maxBatch, concurrency, maxInFlight })
  }

  /** @throws ProblemError `queue_full` (429) at the bound, else as the request itself is refused */
  async accept(request: NewRequest): Promise<Exclude<Accepted, { kind: 'refused' }>> {
    const code = await this.blocked()
    // What is accepted into a copy that may be thrown away would be lost.
    if (code !== null)
      throw problem(
        'unavailable',
        "Lethe's own database was restored, or can't be asked whether it was. Nothing is accepted until that is settled; send again with the same Idempotency-Key.",
        {
          cause: code,
        },
      )
    const submitted = this.batcher.submit(request)
    if (submitted === null) throw queueFull()
    const accepted = await submitted
    if (accepted.kind === 'refused') throw accepted.problem
    return accepted
  }
}

const queueFull = () =>
  new ProblemError('queue_full', 429, `Send again in ${retryAfterSeconds} s with the same Idempotency-Key.`, {
    retryAfterSeconds,
  })
