import type { Beat } from '../adapters/pg-beats.js'
import type { Canary } from './canary.js'

/** How one deployment of an eraser or a probe gets on, from its own words and from its Kafka group. */
export interface Deployment {
  /**
   * `missing`: nobody ever spoke for it; `unusable`: it can not use its store; `failing`: it works, and the last made-up
   * person it was given is not erased.
   */
  readonly verdict: 'up' | 'silent' | 'missing' | 'unusable' | 'failing' | 'unknown'
  /** Of the processes that speak; several while versions change. */
  readonly versions: readonly string[]
  /** When one of its processes last spoke, epoch milliseconds. */
  readonly beatAt: number | null
  /** `ok`, or the code of what keeps it from its store. */
  readonly store: string | null
  /** Passes or looks a minute, over the last one. */
  readonly perMinute: number | null
  /** Of those, the part that failed or could not tell: 0 to 1. */
  readonly errorRate: number | null
  readonly pacing: Beat['pacing']
  /** What it did to the made-up person of the last restore drill that says so; of a probe always null. */
  readonly canary: Canary | null
  /** Why a field is null, under its name. */
  readonly unknown: Readonly<Record<string, string>>
}

/** It speaks every ten seconds. */
const FRESH_MS = 30_000

/** What is known of one deployment. */
export interface Sources {
  /** Beats of this system and role, the latest first; null when they could not be read. */
  readonly own: readonly Beat[] | null
  readonly health: string
  /** The canary, or why there is none. */
  readonly canary: Canary | CanaryUnknown
}

/** A blind probe would call a made-up person gone too, so their erasure shows nothing of a probe. */
export type CanaryUnknown = 'no_canary_yet' | 'drills_unreadable' | 'none_of_probes'

export function deploymentOf({ own, health, canary: told }: Sources, now: number): Deployment {
  const unknown: Record<string, string> = {}
  const canary = typeof told === 'string' ? null : told
  if (typeof told === 'string') unknown['canary'] = told
  const because = (why: string, ...fields: string[]) => {
    for (const field of fields) unknown[field] = why
  }
  const fresh = (own ?? []).filter(({ at }) => now - at <= FRESH_MS)
  const beatAt = own?.[0]?.at ?? null
  if (beatAt === null) because(own === null ? 'beats_unreadable' : 'never_spoke', 'beatAt')
  if (fresh.length === 0)
    because(unknown['beatAt'] ?? 'silent_since', 'store', 'perMinute', 'errorRate', 'pacing')
  const store = fresh.map((one) => one.store).find((one) => one !== 'ok') ?? fresh[0]?.store ?? null
  if (fresh.length > 0 && store === null) because('not_looked_yet', 'store')
  const done = sum(fresh, ({ done: n, failed }) => n + failed)
  const failed = sum(fresh, (one) => one.failed)
  if (fresh.length > 0 && done === 0) because('nothing_done', 'errorRate')
  return {
    verdict: verdictOf({ own, fresh, store, health, canary }),
    versions: [...new Set(fresh.map(({ version }) => version))].sort(),
    beatAt,
    store,
    perMinute:
      fresh.length === 0
        ? null
        : sum(fresh, (one) => ((one.done + one.failed) * 60_000) / Math.max(1_000, one.windowMs)),
    errorRate: fresh.length === 0 || done === 0 ? null : failed / done,
    pacing: fresh[0]?.pacing ?? null,
    canary,
    unknown,
  }
}

const sum = (all: readonly Beat[], of: (one: Beat) => number): number =>
  all.reduce((total, one) => total + of(one), 0)

function verdictOf(known: {
  readonly own: readonly Beat[] | null
  readonly fresh: readonly Beat[]
  readonly store: string | null
  readonly health: string
  readonly canary: Canary | null
}): Deployment['verdict'] {
  const { own, fresh, store, health, canary } = known
  if (fresh.length > 0 && store !== null && store !== 'ok') return 'unusable'
  if (health === 'silent') return own !== null && own.length === 0 ? 'missing' : 'silent'
  if (canary?.result === 'failed') return 'failing'
  if (health === 'up' || health === 'rebalancing') return 'up'
  // Kafka does not say; who spoke just now is there all the same.
  return fresh.length > 0 ? 'up' : 'unknown'
}
