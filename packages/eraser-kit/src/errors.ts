import { RetryableError } from '@lethe/service-host'

export { PausedError, RetryableError, TerminalError } from '@lethe/service-host'

/**
 * The store answers, but does no work for anybody now: it is throttled, has no master, has lost shards. Nothing is
 * wrong with the pass, which waits as it does for a store that can't be reached. The host's patience has an end
 * while the store seems usable otherwise: then the pass fails, and may be tried again.
 */
export class StoreAwayError extends RetryableError {}
