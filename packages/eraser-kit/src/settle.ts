import { LetheError } from '@lethe/service-host'
import type { EraseIo, Outcome, Pass, Receipt, Session } from './connector.js'

/** How a pass ended: by a receipt that was there already, by an outcome, or by an error of its own. */
export type Settlement =
  | { readonly by: 'receipt'; readonly receipt: Receipt }
  | { readonly by: 'outcome'; readonly outcome: Outcome }
  | { readonly by: 'error'; readonly error: unknown }

/** Failures in a row, all with one code, after which the rest of a batch is taken to fail the same way. */
const SAME_FAILURES = 3

export const passKey = (pass: { readonly requestId: string; readonly passId: string }): string =>
  `${pass.requestId} ${pass.passId}`

/**
 * Erases a batch so that one bad subject neither fails nor hides the others: receipts are read first, a
 * throw halves what is left, down to the pass that stands alone. Receipts are read again before every
 * attempt, because an erasure whose answer was lost may have committed, and only its receipt knows the true
 * counts. Never throws for a store's error; one settlement per pass, in order.
 */
export async function settle(session: Session, passes: readonly Pass[], io: EraseIo): Promise<Settlement[]> {
  const settled = new Map<string, Settlement>()
  const run = { code: '', failures: 0 }
  await settleInto(settled, run, session, passes, io)
  return passes.map(
    (pass) => settled.get(passKey(pass)) ?? { by: 'error', error: new Error('pass not settled') },
  )
}

interface Run {
  code: string
  failures: number
}

async function settleInto(
  settled: Map<string, Settlement>,
  run: Run,
  session: Session,
  passes: readonly Pass[],
  io: EraseIo,
): Promise<void> {
  let open = passes
  try {
    open = await withoutReceipts(settled, session, passes)
    if (open.length === 0) return
    const outcomes = await session.erase(open, io)
    if (outcomes.length !== open.length) throw new OutcomesMissing()
    open.forEach((pass, index) => {
      settled.set(passKey(pass), { by: 'outcome', outcome: outcomes[index] as Outcome })
    })
    run.failures = 0
  } catch (error) {
    if (open.length > 1 && !systemic(run, error, io)) {
      const middle = Math.ceil(open.length / 2)
      await settleInto(settled, run, session, open.slice(0, middle), io)
      await settleInto(settled, run, session, open.slice(middle), io)
      return
    }
    if (open.length === 1) note(run, error)
    for (const pass of open) settled.set(passKey(pass), { by: 'error', error })
  }
}

/** Remembers the passes that have a receipt and gives back the others. */
async function withoutReceipts(
  settled: Map<string, Settlement>,
  session: Session,
  passes: readonly Pass[],
): Promise<readonly Pass[]> {
  const receipts = (await session.receipts?.read(passes)) ?? []
  for (const receipt of receipts) settled.set(passKey(receipt), { by: 'receipt', receipt })
  return passes.filter((pass) => !settled.has(passKey(pass)))
}

// A store that is down fails every half alike; halving 500 passes would ask it a thousand times. A terminal
// error may be each subject's own, so it is always followed down to the single pass.
function systemic(run: Run, error: unknown, io: EraseIo): boolean {
  if (io.signal.aborted) return true
  return run.failures >= SAME_FAILURES && run.code === failureOf(error)
}

function note(run: Run, error: unknown): void {
  const code = failureOf(error)
  run.failures = code !== undefined && code === run.code ? run.failures + 1 : 1
  run.code = code ?? ''
}

function failureOf(error: unknown): string | undefined {
  if (error instanceof LetheError) return error.errorClass === 'terminal' ? undefined : error.code
  return error instanceof Error ? error.constructor.name : typeof error
}

class OutcomesMissing extends Error {
  constructor() {
    super('The connector did not give one outcome per pass.')
  }
}
