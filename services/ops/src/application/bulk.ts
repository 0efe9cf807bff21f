import { randomUUID } from 'node:crypto'
import { listRequests } from '@lethe/request-log'
import { type Caller, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import {
  type BulkCount,
  type BulkItem,
  type BulkJob,
  countItems,
  dropUnbegun,
  endLease,
  insertJob,
  readItems,
  readJobs,
} from '../adapters/pg-bulk.js'
import { hindranceOf } from '../domain/hindrance.js'
import { type BulkVerb, may, scopeOf } from '../domain/permissions.js'
import { forbidden } from './actions.js'
import type { BulkRunner } from './bulk-runner.js'
import type { ExportQuestion } from './export.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'
import { mayRead } from './looks.js'
import { filterOf } from './requests.js'
import { Shared } from './shared.js'

/** Requests of one job. */
export const MOST_OF_A_JOB = 10_000
/** What was shown and never begun is forgotten after so long. */
const SHOWN_FOR_MS = 3_600_000
const PAGE = 1_000

export interface BulkQuestion {
  readonly verb: BulkVerb
  /** The list it is made from, and the same as an address. */
  readonly list: ExportQuestion
  readonly address: string
  /** Left out of it. */
  readonly except: readonly string[]
}

export interface BulkView extends BulkJob {
  /** As it was shown: of each status, and what will hinder them as far as could be told. */
  readonly shown: readonly {
    readonly status: string
    readonly hindrance: string | null
    readonly n: number
  }[]
  /** What came of each so far; `not_known`: asked, and nobody knows whether it was done. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Not asked yet. */
  readonly left: number
}

/** An end is told for so long. */
const SEEN_FOR_MS = 15_000

/** Actions on every request of a list, shown before they are done and resumable where they stopped. */
export class Bulk {
  /** One look for everybody who watches. */
  private readonly lately = new Shared(() => this.readLately())

  constructor(
    private readonly pool: Pool,
    private readonly runner: BulkRunner,
    private readonly journal: Journal,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Writes down which requests it would be, and what would become of them. Nothing is done to them.
   *
   * @throws ProblemError `forbidden`, `invalid_request` for more than a job may have
   */
  async show(identity: Identity, question: BulkQuestion): Promise<BulkView> {
    const { verb, address, except } = question
    const jobId = randomUUID()
    return this.journal.around(entryOf(identity, `bulk_${verb}_shown`, jobId), async () => {
      assertMay(identity.caller, verb)
      const now = this.now()
      await dropUnbegun(this.pool, now - SHOWN_FOR_MS)
      const { items, leftOut } = await this.chosen(identity.caller, question, new Set(except))
      const tenants = scopeOf(identity.caller)
      const state = 'shown' as const
      const none = { reason: null, startedAt: null, endedAt: null }
      const credentialId = identity.caller.id
      const head = {
        jobId,
        verb,
        list: address,
        tenants,
        credentialId,
        state,
        createdAt: now,
        leftOut,
        ...none,
      }
      await insertJob(this.pool, { ...head, total: items.length }, items)
      return this.one(identity.caller, jobId)
    })
  }

  /**
   * Begins or resumes it, with the caller's own credential; returns at once. @param body what the action takes, for
   * every request the same; it is kept nowhere, so whoever resumes gives it again
   * @throws ProblemError `forbidden`, `not_found`, `illegal_transition` when somebody works on it or it is done
   */
  async run(identity: Identity, jobId: string, body: object): Promise<BulkView> {
    const job = await this.visible(identity.caller, jobId)
    return this.journal.around(entryOf(identity, `bulk_${job.verb}`, jobId), async () => {
      assertMay(identity.caller, job.verb)
      const begun = await this.runner.begin(identity, job, body)
      if (!begun)
        throw problem('illegal_transition', 'Somebody works on it now, or it is done. Look at it again.')
      return this.one(identity.caller, jobId)
    })
  }

  /** Nothing more of it is asked for. @throws ProblemError as `run` */
  async stop(identity: Identity, jobId: string): Promise<BulkView> {
    const job = await this.visible(identity.caller, jobId)
    return this.journal.around(entryOf(identity, `bulk_${job.verb}_stopped`, jobId), async () => {
      assertMay(identity.caller, job.verb)
      const end = { state: 'interrupted', reason: 'stopped', at: this.now() } as const
      if (!(await endLease(this.pool, jobId, null, end)))
        throw problem('illegal_transition', 'Nobody works on it now. Look at it again.')
      this.runner.halt(jobId, 'stopped')
      return this.one(identity.caller, jobId)
    })
  }

  /** @throws ProblemError `not_found` also for one of tenants that are not all the caller's */
  async one(caller: Caller, jobId: string): Promise<BulkView> {
    return this.viewOf(await this.visible(caller, jobId))
  }

  /** The newest, without what was only shown. */
  async list(caller: Caller): Promise<{ items: BulkView[] }> {
    mayRead(caller)
    const jobs = await readJobs(this.pool, this.now(), { limit: 50 })
    const own = jobs.filter((job) => job.state !== 'shown' && covers(caller, job))
    return { items: await Promise.all(own.map((job) => this.viewOf(job))) }
  }

  /** Those that run, and those that ended so lately that nobody may have seen it; for who watches. */
  async underWay(caller: Caller, maxAgeMs: number): Promise<readonly BulkView[]> {
    const { value } = await this.lately.read(maxAgeMs)
    return value.filter((job) => covers(caller, job))
  }

  private async readLately(): Promise<BulkView[]> {
    const now = this.now()
    const jobs = await readJobs(this.pool, now, { limit: 20 })
    const lately = jobs.filter(
      ({ state, endedAt, startedAt }) =>
        startedAt !== null && (state === 'running' || (endedAt ?? 0) > now - SEEN_FOR_MS),
    )
    return Promise.all(lately.map((job) => this.viewOf(job)))
  }

  async items(
    caller: Caller,
    jobId: string,
    page: { after: number; limit: number; outcome: string | null },
  ): Promise<{ items: BulkItem[]; nextAfter: number | null }> {
    await this.visible(caller, jobId)
    const read = await readItems(this.pool, jobId, { ...page, limit: page.limit + 1 })
    const items = read.slice(0, page.limit)
    return { items, nextAfter: read.length > page.limit ? (items.at(-1)?.position ?? null) : null }
  }

  private async chosen(caller: Caller, { verb, list }: BulkQuestion, except: ReadonlySet<string>) {
    const now = this.now()
    const items: Pick<BulkItem, 'requestId' | 'status' | 'hindrance'>[] = []
    let leftOut = 0
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Awaited<ReturnType<typeof listRequests>> = await listRequests(
        this.pool,
        filterOf(caller, list),
        { limit: PAGE, cursor: cursor === '' ? null : cursor, order: list.order },
      )
      for (const row of page.items) {
        if (except.has(row.requestId)) leftOut++
        else
          items.push({ requestId: row.requestId, status: row.status, hindrance: hindranceOf(verb, row, now) })
      }
      if (items.length > MOST_OF_A_JOB)
        throw problem('invalid_request', `More than ${MOST_OF_A_JOB} requests fit. Narrow the list.`)
      cursor = page.nextCursor
    }
    return { items, leftOut }
  }

  private async visible(caller: Caller, jobId: string): Promise<BulkJob> {
    mayRead(caller)
    const [job] = await readJobs(this.pool, this.now(), { jobId, limit: 1 })
    if (job === undefined || !covers(caller, job))
      throw problem('not_found', 'There is no such job among those of your tenants. Check the id.')
    return job
  }

  private async viewOf(job: BulkJob): Promise<BulkView> {
    return { ...job, ...summed(await countItems(this.pool, job.jobId)) }
  }
}

/** Who sees all of its tenants sees it. */
export function covers(caller: Caller, { tenants }: Pick<BulkJob, 'tenants'>): boolean {
  const scope = scopeOf(caller)
  return scope === '*' || (tenants !== '*' && tenants.every((tenant) => scope.includes(tenant)))
}

function assertMay(caller: Caller, verb: BulkVerb): void {
  mayRead(caller)
  if (!may(caller, verb)) throw forbidden(verb)
}

export function summed(counts: readonly BulkCount[]): Pick<BulkView, 'shown' | 'outcomes' | 'left'> {
  const shown = new Map<string, BulkView['shown'][number]>()
  const outcomes: Record<string, number> = {}
  let left = 0
  for (const { status, hindrance, outcome, n } of counts) {
    const name = JSON.stringify([status, hindrance])
    shown.set(name, { status, hindrance, n: (shown.get(name)?.n ?? 0) + n })
    if (outcome === null) left += n
    else outcomes[outcome] = (outcomes[outcome] ?? 0) + n
  }
  return { shown: [...shown.values()], outcomes, left }
}
