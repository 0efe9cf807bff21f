import type { Logger } from './logger.js'
import { gauge } from './metrics.js'

const known = gauge(
  'lethe_self_known',
  "1 while Lethe's own database is the one it last worked with, 0 when it was restored and everything waits, -1 when unknown.",
  ['service'],
)

interface State {
  readonly is: 'ok' | 'unguarded' | 'restored' | 'unknown'
  readonly reasons?: readonly string[]
  readonly error?: unknown
}

/** Shows what a service knows of Lethe's own database, in its metric and, when it changes, in its log. */
export function tellsOfSelf(service: string, logger: Logger): (now: State) => void {
  return ({ is, reasons, error }) => {
    known.set({ service }, is === 'restored' ? 0 : is === 'unknown' ? -1 : 1)
    if (is === 'restored')
      logger.error(
        { reasons },
        "Lethe's own database is an older copy of itself: nothing is decided from it. See: lethe restore self",
      )
    else if (is === 'unknown')
      logger.warn({ err: error }, "whether Lethe's own database was restored is unknown")
    else if (is === 'unguarded') logger.info("no head of Lethe's own database is kept yet")
    else logger.info("Lethe's own database is the one it last worked with")
  }
}
