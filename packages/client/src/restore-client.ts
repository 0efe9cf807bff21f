import { setTimeout as pause } from 'node:timers/promises'
import type { BackupView } from './backup-view.js'
import type { DrillView } from './drill-view.js'
import { type ClientOptions, callJson, ProblemError, pathPart, UnreachableError } from './http-call.js'
import type { SelfView } from './self-view.js'

/** How long a page of a copy may take, milliseconds. */
const PAGE_MS = 180_000

/** Who may use a store, as the restore service says. */
export interface GateView {
  readonly systemId: string
  readonly state: 'open' | 'shut'
  /** `advisory` where the store itself keeps nobody out: then whoever asks must keep out by themselves; null if never shut. */
  readonly strength: 'enforced' | 'advisory' | null
  readonly restoreId: string | null
  /** Epoch milliseconds; null when it was never shut. */
  readonly since: number | null
  /** People of whom somebody has to decide whether they came back; while there are any, no gate opens by itself. */
  readonly undecided: number
}

export interface RestoreView {
  readonly restoreId: string
  readonly systemId: string
  readonly backupId: string | null
  readonly announcedBy: 'hook' | 'marker' | 'sweep' | 'operator'
  readonly gateMode: 'hooked' | 'unhooked' | 'advisory'
  readonly phase: 'announced' | 'shut' | 'replaying' | 'probing' | 'waiting' | 'opened' | 'superseded'
  /** Epoch milliseconds. */
  readonly announcedAt: number
  readonly shutAt: number | null
  readonly openedAt: number | null
  /** Milliseconds in which the copy may have been used; null where nobody could. */
  readonly windowMs: number | null
  readonly sessionsEnded: number
  /** When its gate stood open although Lethe had not opened it (a broken glass); who did it is unknown. */
  readonly foundOpen?: readonly {
    readonly noticedAt: number
    /** It opened after this; null where that is not known. */
    readonly shutUntil: number | null
    readonly sessionsEnded: number | null
  }[]
  readonly tombstones: number
  readonly replayed: number
  readonly alreadyAbsent: number
  readonly held: number
  readonly residual: Readonly<Record<string, number>>
  /** Why it waits for a person. */
  readonly waiting: readonly { readonly code: string; readonly detail: string }[]
}

/** A look at everybody who stays absent from a store in use. */
export interface SweepView {
  readonly sweepId: string
  readonly systemId: string
  readonly kind: 'full' | 'sample'
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly finishedAt: number | null
  readonly probed: number
  /** People who had come back. */
  readonly residual: number
  /** The restore that says who was erased again, what was left, and how many could not be looked for; null for none. */
  readonly restoreId: string | null
}

/** A copy of a system that is not the one in use: staging, or a part of a backup. */
export interface CopyAddress {
  /** Of this application; the same one goes on where it ended. */
  readonly applyId: string
  readonly systemId: string
  /** As the restore service reaches it, with the replay role's credentials. */
  readonly url: string
  /** Tables or indices where only those were restored. */
  readonly tables?: readonly string[]
}

export interface CopyView {
  /** Live tombstones of the system. */
  readonly tombstones: number
  /** When the marker in the copy was written, epoch milliseconds; null when there is none. */
  readonly markerAt: number | null
  /** Why it can't be called clean, whatever is done. */
  readonly reasons: readonly { readonly code: string; readonly detail: string }[]
}

export interface CopyTally {
  readonly tombstones: number
  readonly replayed: number
  readonly alreadyAbsent: number
  readonly held: number
  readonly unreadable: number
  readonly failed: Readonly<Record<string, number>>
  readonly residual: Readonly<Record<string, number>>
  readonly inconclusive: Readonly<Record<string, number>>
}

export interface CopyPageView {
  readonly cursor: string
  readonly done: boolean
  /** Of this page alone. */
  readonly tally: CopyTally
}

/** Records only an e-mail or phone number leads to: of the person who was erased, or of somebody who came back? */
export interface ReviewView {
  readonly reviewId: string
  readonly systemId: string
  /** Of the erasure. */
  readonly requestId: string
  /** The restore or sweep that found them last. */
  readonly restoreId: string
  /** Matches per collection. */
  readonly found: Readonly<Record<string, number>>
  /** Epoch milliseconds. */
  readonly foundAt: number
  readonly decision: 'keep' | 'erase' | null
  readonly decidedAt: number | null
  readonly decidedBy: string | null
  readonly ticket: string | null
  /** When a decision to erase was carried out. */
  readonly doneAt: number | null
}

/** Calls the restore service. Every method throws `ProblemError` or `UnreachableError`. */
export class RestoreClient {
  /** `url` is the restore service's own, e.g. `http://127.0.0.1:29003`. */
  constructor(private readonly options: ClientOptions) {}

  gate(systemId: string, signal?: AbortSignal): Promise<GateView> {
    return callJson({ ...this.options, signal }, 'GET', `/v1/gates/${pathPart(systemId)}`)
  }

  /**
   * Resolves when the gate of a system is open. For whoever starts against a store that may just have been restored.
   * While the service is away this waits: an advisory gate is only as shut as those who ask keep it. Without `signal` it
   * waits without end; `AbortSignal.timeout(ms)` bounds it.
   *
   * @param everyMs milliseconds between two looks
   * @throws the reason of `signal` as soon as it aborts, a look under way included; `ProblemError` when the service
   *   refuses, e.g. `not_found` for a system that nobody watches
   */
  async waitForGate(systemId: string, everyMs = 500, signal?: AbortSignal): Promise<GateView> {
    signal?.throwIfAborted()
    for (;;) {
      const gate = await this.gate(systemId, signal).catch((error: unknown) => {
        if (isAway(error)) return null
        throw error
      })
      if (gate?.state === 'open') return gate
      await pause(everyMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
    }
  }

  /** Newest first. */
  async restores(systemId?: string): Promise<RestoreView[]> {
    const query = systemId === undefined ? '' : `?systemId=${encodeURIComponent(systemId)}`
    return (await callJson<{ restores: RestoreView[] }>(this.options, 'GET', `/v1/restores${query}`)).restores
  }

  restore(restoreId: string): Promise<RestoreView> {
    return callJson(this.options, 'GET', `/v1/restores/${pathPart(restoreId)}`)
  }

  /**
   * Shuts, replays and probes now; a `hooked` one when the copy that was prepared answers. Idempotent when `restoreId`
   * is given again.
   */
  announce(given: {
    systemId: string
    restoreId?: string
    backupId?: string
    gateMode?: 'hooked' | 'unhooked'
  }): Promise<RestoreView> {
    return callJson(this.options, 'POST', '/v1/restores', given)
  }

  /** Looks for everybody who stays absent from a system, now. Each call is a sweep of its own. */
  sweep(systemId: string): Promise<SweepView> {
    return callJson(this.options, 'POST', '/v1/sweeps', { systemId })
  }

  oneSweep(sweepId: string): Promise<SweepView> {
    return callJson(this.options, 'GET', `/v1/sweeps/${pathPart(sweepId)}`)
  }

  /** Newest first. */
  async sweeps(systemId?: string): Promise<SweepView[]> {
    const query = systemId === undefined ? '' : `?systemId=${encodeURIComponent(systemId)}`
    return (await callJson<{ sweeps: SweepView[] }>(this.options, 'GET', `/v1/sweeps${query}`)).sweeps
  }

  /** Replays and probes all of it once more; only for one that waits. */
  retry(restoreId: string): Promise<RestoreView> {
    return callJson(this.options, 'POST', `/v1/restores/${pathPart(restoreId)}/retry`)
  }

  /** Newest first; those that are gone only with `all`. */
  async backups(given: { systemId?: string; all?: boolean } = {}): Promise<BackupView[]> {
    const query = new URLSearchParams({
      ...(given.systemId === undefined ? {} : { systemId: given.systemId }),
      ...(given.all === true ? { all: 'true' } : {}),
    })
    const path = `/v1/backups${query.size > 0 ? `?${query}` : ''}`
    return (await callJson<{ backups: BackupView[] }>(this.options, 'GET', path)).backups
  }

  /** Tells of a backup that was taken, is kept for another time, or is gone. Told again, the newer word counts. */
  reportBackup(given: {
    systemId: string
    backupId: string
    takenAt: number
    keptUntil?: number
    policy?: string
    gone?: boolean
  }): Promise<BackupView> {
    return callJson(this.options, 'POST', '/v1/backups', given)
  }

  /** Restore drills, newest first. */
  async drills(systemId?: string): Promise<DrillView[]> {
    const query = systemId === undefined ? '' : `?systemId=${encodeURIComponent(systemId)}`
    return (await callJson<{ drills: DrillView[] }>(this.options, 'GET', `/v1/drills${query}`)).drills
  }

  drill(drillId: string): Promise<DrillView> {
    return callJson(this.options, 'GET', `/v1/drills/${pathPart(drillId)}`)
  }

  /** Begins one; idempotent by its id. `illegal_transition` while another of that system is under way. */
  startDrill(systemId: string, drillId: string): Promise<DrillView> {
    return callJson(this.options, 'POST', '/v1/drills', { systemId, drillId })
  }

  /** Asks for its end: what it made is cleared away first. Idempotent. */
  stopDrill(drillId: string): Promise<DrillView> {
    return callJson(this.options, 'POST', `/v1/drills/${pathPart(drillId)}/stop`, {})
  }

  /** Whether one could be done, and with which versions. Changes nothing that stays. */
  checkDrill(systemId: string): Promise<{ versions: Readonly<Record<string, string>> }> {
    return callJson({ timeoutMs: PAGE_MS, ...this.options }, 'POST', '/v1/drills/check', { systemId })
  }

  /** What a person has to decide, newest first; what is decided only with `all`. */
  async reviews(given: { systemId?: string; all?: boolean } = {}): Promise<ReviewView[]> {
    const query = new URLSearchParams({
      ...(given.systemId === undefined ? {} : { systemId: given.systemId }),
      ...(given.all === true ? { all: 'true' } : {}),
    })
    const path = `/v1/reviews${query.size > 0 ? `?${query}` : ''}`
    return (await callJson<{ reviews: ReviewView[] }>(this.options, 'GET', path)).reviews
  }

  /** Keeps the records or has them erased. May be said again until it is carried out. The id of a ticket is kept with it. */
  decide(reviewId: string, decision: 'keep' | 'erase', ticket: string): Promise<ReviewView> {
    return callJson(this.options, 'POST', `/v1/reviews/${pathPart(reviewId)}/decide`, { decision, ticket })
  }

  /** Whether Lethe's own database was restored. */
  self(): Promise<SelfView> {
    return callJson(this.options, 'GET', '/v1/self')
  }

  /** Begins to rebuild from the topics what Lethe's own database has lost; `self` tells how it goes. */
  restoreSelf(given: { accept: boolean }): Promise<SelfView> {
    return callJson(this.options, 'POST', '/v1/self/restore', given)
  }

  /** Opens a gate that waits, whatever it waits for. The id of a ticket is kept with it. */
  open(restoreId: string, ticket: string): Promise<RestoreView> {
    return callJson(this.options, 'POST', `/v1/restores/${pathPart(restoreId)}/open`, { ticket })
  }

  /** Whether it is a copy that tombstones may be applied to. Changes nothing in it. */
  checkCopy(copy: CopyAddress, dryRun = false): Promise<CopyView> {
    return callJson(this.options, 'POST', '/v1/copies/check', { ...copy, dryRun })
  }

  /** Applies the next thousand tombstones behind `after`, or probes for them. A page asked for again counts the same. */
  copyPage(phase: 'replay' | 'probe', copy: CopyAddress, after: string): Promise<CopyPageView> {
    return callJson({ timeoutMs: PAGE_MS, ...this.options }, 'POST', `/v1/copies/${phase}`, {
      ...copy,
      after,
    })
  }
}

/** It does not answer, or can't: a proxy before it says so, or its own database is away. */
const isAway = (error: unknown): boolean =>
  error instanceof UnreachableError || (error instanceof ProblemError && error.status >= 500)
