import { LetheError, TerminalError } from '@lethe/service-host'

/**
 * The stored offset is not the expected one: another member owns the partition now, or owned it in
 * between. The strategy forgets what it knew, loads the offset again and reads from there; no
 * attempt is spent.
 */
export class OffsetsMovedError extends LetheError {
  readonly errorClass = 'retryable'
  constructor(message = 'the stored offset moved under this member', options?: ErrorOptions) {
    super('offsets_moved', message, options)
  }
}

/** The message is not from whom it says. Nothing of it is copied to the dead letters: only where it lies. */
export class UnprovenError extends TerminalError {}

/** `code` and class of any error, and nothing else of it: free text of stores stays where it arose. */
export function describeError(error: unknown): { code: string; errorClass: string } {
  if (error instanceof LetheError) return { code: error.code, errorClass: error.errorClass }
  return { code: error instanceof Error ? error.name : 'unknown', errorClass: 'unknown' }
}
