import type { Connector } from '../connector.js'
import type { Backdoor } from './backdoor.js'
import type { Bench } from './bench.js'

/** One promise a connector must keep, as a plain function so that broken connectors can be held against it. */
export interface Check {
  /** Stable name, used by the broken connectors' spec. */
  readonly name: string
  /** The promise, as a test title. */
  readonly promise: string
  /** Milliseconds the check may take; default 60000. */
  readonly timeoutMs?: number
  /** Why the check can not be made with this connector or backdoor, or undefined. */
  skip?(connector: Connector, backdoor: Backdoor): string | undefined
  /** Rejects with an AssertionError when the promise is broken. The store is empty before each check. */
  run(bench: Bench): Promise<void>
}
