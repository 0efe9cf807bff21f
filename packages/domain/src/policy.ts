/**
 * The bounds of the process manager. Every wait and every retry of a request is bounded by one of
 * these; what runs out becomes a RequestFailed with an owner and a next step. Times in milliseconds.
 */
export interface Policy {
  /** How long a grant lives when the caller does not say. */
  readonly grantTtlMs: number
  /** No grant lives longer, whatever the caller says. */
  readonly maxGrantTtlMs: number
  /** How long a person who took a task may be at it; a hold that comes meanwhile is in effect when it is over. */
  readonly taskGrantMs: number
  /** How many grants one attempt of a pass may get; an eraser that asks for more waits for the next attempt. */
  readonly maxGrantsPerAttempt: number
  /** Silence after which a pass is emitted again; doubles with each attempt. */
  readonly passTimeoutMs: number
  /** Emissions of one pass without an answer. */
  readonly maxAttempts: number
  /** New passes after retryable failures of one step. */
  readonly maxRetries: number
  /** First wait before such a pass; doubles with each. */
  readonly retryBackoffMs: number
  /** No computed wait is longer. */
  readonly maxBackoffMs: number
  /** No wait asked for by a store or a vendor (`nextRetryAt`, `nextCheckAt`) is longer. */
  readonly maxRequestedWaitMs: number
  /** Silence after which a probe is asked again; doubles with each. */
  readonly probeTimeoutMs: number
  /** Wait after an inconclusive probe; doubles with each. */
  readonly probeBackoffMs: number
  /** Probes of one system in a row that may go unanswered or be inconclusive. */
  readonly maxProbes: number
  /** Times a probe may find residue in one system before a person must look. */
  readonly maxProbeRounds: number
  /** Shortest wait between two polls of a vendor's job. */
  readonly deferredPollMs: number
  /** Polls of one vendor's job before a person must look. */
  readonly maxDeferredPolls: number
  /** How long after the first grant an unfinished step may still select by more than surrogate ids. */
  readonly everyIdentifierMs: number
  /** What a tombstone lives longer than the longest backup. */
  readonly tombstoneMarginMs: number
  /**
   * Epochs of vault keys that are destroyed. When given, backup-clear waits until the epoch of every
   * tombstone of the request is in it; null rests on the dates of the plan alone. A tombstone knows its
   * last epoch only: who tracks every epoch gives an empty list and tells `ConfirmShredded`.
   */
  readonly destroyedEpochs: readonly string[] | null
}

const seconds = (n: number): number => n * 1_000
const hours = (n: number): number => n * 3_600_000
const days = (n: number): number => n * 86_400_000

export const defaultPolicy: Policy = {
  grantTtlMs: seconds(10),
  maxGrantTtlMs: seconds(60),
  taskGrantMs: hours(8),
  maxGrantsPerAttempt: 20,
  passTimeoutMs: seconds(60),
  maxAttempts: 5,
  maxRetries: 3,
  retryBackoffMs: seconds(5),
  maxBackoffMs: hours(1),
  maxRequestedWaitMs: days(1),
  probeTimeoutMs: seconds(60),
  probeBackoffMs: seconds(10),
  maxProbes: 5,
  maxProbeRounds: 3,
  deferredPollMs: hours(1),
  maxDeferredPolls: 1_000,
  everyIdentifierMs: days(7),
  tombstoneMarginMs: days(7),
  destroyedEpochs: null,
}

/** `base`, doubled `times` times, within the bound. Deterministic: a fold may not roll dice. */
export function backoff(base: number, times: number, policy: Policy): number {
  return Math.min(base * 2 ** Math.min(times, 30), policy.maxBackoffMs)
}
