import type { Beat } from '../adapters/pg-beats.js'

/** How one deployment of an eraser or a probe gets on, from its own words and from its Kafka group. */
export interface Deployment {
  /** `missing`: nobody ever spoke for it; `unusable`: it can not use its store. */
  readonly verdict: 'up' | 'silent' | 'missing' | 'unusable' | 'unknown'
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
  /** Nobody erases a made-up person again and again to see whether it works. */
  readonly canary: null
  /** Why a field is null, under its name. */
  readonly unknown: Readonly<Record<string, string>>
}

/** It speaks every ten seconds. */
const FRESH_MS = 30_000

/** @param own beats of this system and role, the latest first; null when they could not be read */
export function deploymentOf(own: readonly Beat[] | null, health: string, now: number): Deployment {
  const unknown: Record<string, string> = { canary: 'no_canary' }
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
    verdict: verdictOf({ own, fresh, store, health }),
    versions: [...new Set(fresh.map(({ version }) => version))].sort(),
    beatAt,
    store,
    perMinute:
      fresh.length === 0
        ? null
        : sum(fresh, (one) => ((one.done + one.failed) * 60_000) / Math.max(1_000, one.windowMs)),
    errorRate: fresh.length === 0 || done === 0 ? null : failed / done,
    pacing: fresh[0]?.pacing ?? null,
    canary: null,
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
}): Deployment['verdict'] {
  const { own, fresh, store, health } = known
  if (fresh.length > 0 && store !== null && store !== 'ok') return 'unusable'
  if (health === 'silent') return own !== null && own.length === 0 ? 'missing' : 'silent'
  if (health === 'up' || health === 'rebalancing') return 'up'
  // Kafka does not say; who spoke just now is there all the same.
  return fresh.length > 0 ? 'up' : 'unknown'
}
