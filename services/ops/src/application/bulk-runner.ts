import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Logger, ProblemError } from '@lethe/service-host'
import type { Pool } from 'pg'
import {
  type BulkItem,
  type BulkJob,
  endLease,
  heldSince,
  keepLease,
  markAsked,
  markOutcome,
  takeLease,
  toDo,
} from '../adapters/pg-bulk.js'
import { CredentialUnknown } from '../adapters/request-client.js'
import type { Actions } from './actions.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'

export interface RunnerOptions {
  /** Requests asked at once. */
  readonly atOnce: number
  /** How long a job is somebody's who says nothing more, milliseconds. */
  readonly leaseMs: number
  /** Requests in a row of which it is not known whether it was done, before the job stops. */
  readonly unknownInARow: number
  readonly pauseMs: number
}

export const defaultRunnerOptions: RunnerOptions = {
  atOnce: 6,
  leaseMs: 15_000,
  unknownInARow: 5,
  pauseMs: 500,
}

/** Clocks of the service that holds and of this one differ by less, milliseconds. */
const SKEW_MS = 10_000
const BATCH = 300

interface Work {
  readonly identity: Identity
  readonly job: BulkJob
  readonly body: object
  readonly runner: string
  unknown: number
  /** Why it stops; null while it goes on. */
  halted: string | null
}

/**
 * Does jobs, request by request, each as its own action with its own rows in the audit. Where it stops, for whatever
 * reason, what was done is known but for the few that were being asked; those are asked again by whoever resumes.
 */
export class BulkRunner {
  private readonly works = new Map<string, { work: Work; ended: Promise<void> }>()

  constructor(
    private readonly pool: Pool,
    private readonly actions: Pick<Actions, 'run'>,
    private readonly journal: Journal,
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly options: RunnerOptions = defaultRunnerOptions,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns false when somebody works on it, or it is done */
  async begin(identity: Identity, job: BulkJob, body: object): Promise<boolean> {
    // What this process was just asking for is waited for, or it would be asked for twice.
    const before = this.works.get(job.jobId)
    if (before !== undefined && before.work.halted !== null) await before.ended
    const runner = randomUUID()
    const now = this.now()
    if (!(await takeLease(this.pool, job.jobId, runner, now, now + this.options.leaseMs))) return false
    const work: Work = { identity, job, body, runner, unknown: 0, halted: null }
    const ended = this.run(work).finally(() => {
      if (this.works.get(job.jobId)?.work === work) this.works.delete(job.jobId)
    })
    this.works.set(job.jobId, { work, ended })
    return true
  }

  /** Nothing more is asked; what is being asked is waited for by nobody. */
  halt(jobId: string, reason: string): void {
    const known = this.works.get(jobId)
    if (known !== undefined) known.work.halted ??= reason
  }

  /** Stops every job of this process where it is. */
  async stop(): Promise<void> {
    for (const { work } of this.works.values()) work.halted ??= 'process_ended'
    await Promise.all([...this.works.values()].map(({ ended }) => ended))
  }

  private async run(work: Work): Promise<void> {
    const { identity, job, runner } = work
    const { leaseMs } = this.options
    const signedOut = () => {
      work.halted ??= 'session_ended'
    }
    const session = identity.session?.ended.signal
    session?.addEventListener('abort', signedOut, { once: true })
    if (session?.aborted) signedOut()
    const keeping = setInterval(() => void this.keep(work), leaseMs / 3)
    try {
      await this.allOf(work)
    } catch (err) {
      work.halted ??= 'database_unavailable'
      this.logger.warn({ err, jobId: job.jobId }, 'a bulk action stopped; it can be resumed')
    } finally {
      clearInterval(keeping)
      session?.removeEventListener('abort', signedOut)
    }
    const reason = work.halted
    const end = {
      state: reason === null ? ('done' as const) : ('interrupted' as const),
      reason,
      at: this.now(),
    }
    // Without an answer its lease runs out, and it is shown as interrupted all the same.
    await endLease(this.pool, job.jobId, runner, end).catch((err: unknown) =>
      this.logger.warn({ err, jobId: job.jobId }, 'the end of a bulk action could not be written'),
    )
    const entry = entryOf(identity, `bulk_${job.verb}`, job.jobId)
    this.journal.note({ ...entry, outcome: reason === null ? 'finished' : `interrupted_${reason}` })
  }

  private async keep(work: Work): Promise<void> {
    const { job, runner } = work
    const kept = await keepLease(this.pool, job.jobId, runner, this.now() + this.options.leaseMs).catch(
      () => true,
    )
    if (!kept) work.halted ??= 'taken_over'
  }

  private async allOf(work: Work): Promise<void> {
    const { jobId } = work.job
    while (work.halted === null) {
      const items = await toDo(this.pool, jobId, BATCH)
      if (items.length === 0) return
      let next = 0
      const worker = async () => {
        while (work.halted === null && next < items.length) await this.item(work, items[next++] as BulkItem)
      }
      const workers = await Promise.allSettled(Array.from({ length: this.options.atOnce }, worker))
      for (const one of workers) if (one.status === 'rejected') throw one.reason
      if (work.unknown > 0) await delay(this.options.pauseMs)
    }
  }

  private async item(work: Work, item: BulkItem): Promise<void> {
    const { jobId } = work.job
    await markAsked(this.pool, jobId, [item.position], this.now())
    const outcome = await this.ask(work, item)
    if (outcome === null) {
      if (++work.unknown >= this.options.unknownInARow) work.halted ??= 'request_unavailable'
      return
    }
    work.unknown = 0
    await markOutcome(this.pool, jobId, item.position, outcome)
  }

  /** Null: it is not known whether it was done. */
  private async ask({ identity, job, body }: Work, item: BulkItem): Promise<string | null> {
    const { requestId, askedAt } = item
    const holder = identity.caller.id
    if (job.verb === 'hold' && askedAt !== null)
      if (await heldSince(this.pool, requestId, holder, askedAt - SKEW_MS)) return 'done'
    try {
      await this.actions.run(identity, requestId, job.verb, body)
      return 'done'
    } catch (error) {
      if (error instanceof CredentialUnknown) {
        this.halt(job.jobId, 'credential_ended')
        return null
      }
      if (!(error instanceof ProblemError)) throw error
      if (error.code === 'unavailable') return null
      // It was asked before and nobody knew the answer; now it can't be done any more.
      if (error.code === 'illegal_transition' && askedAt !== null) return 'done_before_or_impossible'
      return error.code
    }
  }
}
