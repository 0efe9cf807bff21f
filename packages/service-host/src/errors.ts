/**
 * An error with a stable `code` and a message that never carries an identifier of a person.
 * Store and vendor error texts stay inside the connector; only their code crosses.
 */
export abstract class LetheError extends Error {
  abstract readonly errorClass: 'retryable' | 'terminal' | 'paused'
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = new.target.name
  }
}

/** May succeed when tried again: back off, within bounds. */
export class RetryableError extends LetheError {
  readonly errorClass = 'retryable'
}

/** Will not succeed when tried again: record it as an event and go on. */
export class TerminalError extends LetheError {
  readonly errorClass = 'terminal'
}

/** Nothing is wrong with the message; the work waits until a person or a dependency is back. */
export class PausedError extends LetheError {
  readonly errorClass = 'paused'
}
