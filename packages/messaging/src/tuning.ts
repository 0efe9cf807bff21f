import type { Tuning } from './strategy-options.js'

/** Tuning with every default filled in. */
export type Bounds = Required<Tuning>

export function boundsOf(tuning: Tuning = {}): Bounds {
  return {
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    heartbeatIntervalMs: 3_000,
    maxWaitMs: 250,
    minBytes: 1,
    maxBytesPerPartition: 1_048_576,
    partitionsAtOnce: 3,
    commitIntervalMs: 500,
    retryBackoffMs: { first: 200, longest: 10_000 },
    pauseBackoffMs: { first: 500, longest: 30_000 },
    stallMs: 300_000,
    maxRestarts: 5,
    shutdownMs: 20_000,
    ...tuning,
  }
}

/** Three times as long with every failure, within bounds, and up to a fifth off by chance. */
export function backoffOf(bounds: { readonly first: number; readonly longest: number }) {
  return (failures: number): number => {
    const full = Math.min(bounds.longest, bounds.first * 3 ** Math.min(failures - 1, 20))
    return Math.round(full * (0.9 + Math.random() * 0.2))
  }
}
