import { setTimeout as pause } from 'node:timers/promises'
import { PausedError, TerminalError } from '@lethe/service-host'
import type { DrillReason } from '../domain/drill.js'
import type { GateRow } from '../domain/restore.js'
import type { DrillRequests, ErasureProgress } from './drill-requests.js'

export interface ErasureParts {
  readonly requests: Pick<DrillRequests, 'progress'>
  readonly gates: () => Promise<readonly GateRow[]>
  readonly now: () => number
}

/** How long an erasure may take, milliseconds. */
const ERASURE_MS = 900_000
const EVERY_MS = 500

/** The code of a drill whose person is not erased because a gate is shut: that is no fault of what was drilled. */
export const HELD_UP = 'gate_closed'

const good = new Set(['COMPLETED', 'PARTIALLY_COMPLETED'])
const open = new Set(['PENDING', 'SCHEDULED', 'IN_PROGRESS', 'AWAITING_VERIFICATION'])
const unknown: ErasureProgress = { status: 'PENDING', unfinished: [] }

/**
 * Resolves when probes found nothing of the made-up person anywhere. Whoever is erased is erased from every system of
 * the plan, so the gate of another one holds it up as well: `tell` hears which, and nothing when none does any more.
 *
 * @throws TerminalError `gate_closed` where a gate was shut until the time was up, else `erasure_not_done`
 */
export async function untilErased(
  { requests, gates, now }: ErasureParts,
  requestId: string,
  tell: (reasons: readonly DrillReason[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = now() + ERASURE_MS
  let shut: readonly GateRow[] = []
  const look = async (systems: readonly string[]): Promise<void> => {
    const found = (await gates()).filter((gate) => gate.state === 'shut' && systems.includes(gate.systemId))
    if (namesOf(found) !== namesOf(shut)) await tell(found.map(heldUpBy))
    shut = found
  }
  for (;;) {
    signal.throwIfAborted()
    const { status, unfinished } = await requests.progress(requestId).catch((error: unknown) => {
      if (error instanceof PausedError) return unknown
      throw error
    })
    if (good.has(status)) return
    // Lethe's database may be away for a moment: the erasure goes on when it is back, and so does the drill.
    await look(unfinished).catch(() => undefined)
    if (!open.has(status) || now() > deadline) throw notDone(requestId, status, shut)
    await pause(EVERY_MS, undefined, { signal })
  }
}

const namesOf = (gates: readonly GateRow[]): string =>
  gates.map(({ systemId, restoreId }) => `${systemId}/${restoreId}`).join()

const heldUpBy = ({ systemId, restoreId }: GateRow): DrillReason => ({
  code: HELD_UP,
  detail: `The made-up person is to be erased from ${systemId} too, whose gate is shut: nobody is until it opens. See lethe restore status ${restoreId}.`,
})

function notDone(requestId: string, status: string, shut: readonly GateRow[]): TerminalError {
  const [gate] = shut
  if (gate !== undefined && open.has(status))
    return new TerminalError(
      HELD_UP,
      `The drill's person, request ${requestId}, was not erased in time because the gate of ${gate.systemId} is shut: see lethe restore status ${gate.restoreId}. They will be when it opens; begin another drill then.`,
    )
  return new TerminalError(
    'erasure_not_done',
    `The erasure of the drill's person, request ${requestId}, is ${status}: see lethe show ${requestId}.`,
  )
}
