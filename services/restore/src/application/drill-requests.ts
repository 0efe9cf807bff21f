import type { DrillCanary } from '../domain/drill.js'

/** The normal chain, as whoever asks for an erasure sees it. */
export interface DrillRequests {
  /** Idempotent by `key`; the id of the request. @throws LetheError that says what to do */
  erase(canary: DrillCanary, key: string): Promise<string>
  /** Status of that request. Throws PausedError while there is no answer. */
  status(requestId: string): Promise<string>
}
