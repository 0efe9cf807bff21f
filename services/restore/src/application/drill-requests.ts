import type { DrillCanary } from '../domain/drill.js'

export interface ErasureProgress {
  readonly status: string
  /** Systems of its plan where it is not done yet; none before it is planned. */
  readonly unfinished: readonly string[]
}

/** The normal chain, as whoever asks for an erasure sees it. */
export interface DrillRequests {
  /** Idempotent by `key`; the id of the request. @throws LetheError that says what to do */
  erase(canary: DrillCanary, key: string): Promise<string>
  /** How far that request is. Throws PausedError while there is no answer. */
  progress(requestId: string): Promise<ErasureProgress>
}
