import { isUtf8 } from 'node:buffer'

/** Nothing was changed, or nothing that lets anybody in; the message says what and where, and what to do. */
export class PrepareError extends Error {
  override readonly name = 'PrepareError'
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A gate that was shut before anybody could reach the copy, or would be with a dry run. */
export interface PreparedGate {
  readonly systemId: string
  /** The same one again while the gate was not opened. */
  readonly restoreId: string
  readonly way: 'first_start' | 'running'
  /** The pg_hba file the gate stands in, and the file that opens it. */
  readonly hbaFile: string
  readonly switchFile: string
  /** Whether all of it stood there already. */
  readonly already: boolean
  /** What was done, or would be, one sentence each. */
  readonly steps: readonly string[]
  /** What somebody should look at. */
  readonly warnings: readonly string[]
}

/** Quoted into a pg_hba file, where a quote or a line's end would say something else. */
export function named(what: string, name: string): string {
  if (/^[^"\s\\\p{C}]{1,63}$/u.test(name)) return name
  throw new PrepareError(
    'invalid_name',
    `The ${what} has a name with spaces, quotes or control characters, or none: write its rule into pg_hba by hand.`,
  )
}

/** The name of a file, and a word of a rule, in which a comma or a space would refuse somebody else. */
export function systemNamed(systemId: string): string {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(systemId) && systemId.length <= 63) return systemId
  throw new PrepareError(
    'invalid_name',
    'A system has a name of lower-case letters, digits and single hyphens: take it from the data map.',
  )
}

/** The restore service reads the rules through the server, which reads text only. */
export function readable(hbaFile: string, bytes: string): string {
  if (isUtf8(Buffer.from(bytes, 'latin1'))) return bytes
  throw new PrepareError(
    'not_text',
    `${hbaFile} holds bytes that are no UTF-8, probably in a comment: rewrite them, and prepare again.`,
  )
}
