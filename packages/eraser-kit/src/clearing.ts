import { setTimeout as sleep } from 'node:timers/promises'
import { PausedError } from '@lethe/service-host'
import type { ClearedPass } from './acknowledging.js'
import type { Marker } from './connector.js'
import type { ClearanceAnswer, RequestPort } from './request-client.js'
import { passKey } from './settle.js'

/** A pass as its command names it. */
export interface WantedPass {
  readonly requestId: string
  readonly mapVersion: number
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
  /** Position of its message in the batch. */
  readonly item: number
  readonly traceparent?: string
}

export interface Refused {
  readonly pass: WantedPass
  readonly decision: 'never' | 'not_now'
  readonly code: string
}

/** What came of asking. */
export interface Asked {
  readonly cleared: Map<string, ClearedPass>
  readonly refused: Refused[]
  /**
   * Set when some passes must wait because `request` can't resolve their person now, or a gate is shut: to be thrown once
   * what is cleared is done, so that neither a grant nor an attempt is spent for nothing.
   */
  readonly paused: PausedError | null
}

/** A `not_now` for at most this long, in milliseconds, is waited for; whoever lifts a longer block re-emits. */
const WORTH_WAITING_MS = 1_000
const MOST_ROUNDS = 3
/** The code of a `not_now` that is nobody's decision: a probe that resolves people is away. */
const UNAVAILABLE = 'unavailable'
/** The code of a `not_now` that ends when the restored store is clean again. */
const GATE_CLOSED = 'gate_closed'
/** The code of a `not_now` that ends when Lethe's own database is whole again. */
export const LETHE_RESTORED = 'lethe_restored'

/**
 * Asks for clearance of all passes in one call. Fails closed: only a complete `go` is one. Throws
 * PausedError when `request` does not answer, does not answer for every pass, or clears none of them
 * because what it resolves people with is away.
 */
export async function askClearance(
  request: RequestPort,
  systemId: string,
  wanted: readonly WantedPass[],
  signal: AbortSignal,
  marker?: Marker,
): Promise<Asked> {
  const cleared = new Map<string, ClearedPass>()
  const refused: Refused[] = []
  let paused: PausedError | null = null
  let asking = wanted
  for (let round = 1; asking.length > 0; round++) {
    const answers = new Map(
      (
        await request.clear({
          systemId,
          purpose: 'erase',
          passes: asking.map(({ requestId, passId, attempt }) => ({ requestId, passId, attempt })),
          ...(marker ? { marker: { value: marker.found, receipts: marker.receipts } } : {}),
        })
      ).map((answer) => [passKey(answer), answer]),
    )
    const later: { pass: WantedPass; ms: number }[] = []
    for (const pass of asking) {
      const answer = answers.get(passKey(pass))
      if (!answer)
        throw new PausedError('request_answer_incomplete', 'request did not answer for every pass.')
      const go = clearedPass(pass, answer)
      if (go) cleared.set(passKey(pass), go)
      else if (answer.code === UNAVAILABLE) paused = unavailable()
      else if (answer.code === GATE_CLOSED) paused = gateClosed()
      else if (answer.code === LETHE_RESTORED) paused = letheRestored()
      else if (worthWaiting(answer) && round < MOST_ROUNDS)
        later.push({ pass, ms: answer.retryAfterMs ?? WORTH_WAITING_MS })
      else
        refused.push({
          pass,
          decision: answer.decision === 'never' ? 'never' : 'not_now',
          code: answer.code ?? 'none',
        })
    }
    // A grant lives seconds: with some in hand nobody waits for the others.
    if (cleared.size > 0 && later.length > 0)
      refused.push(
        ...later.splice(0).map(({ pass }) => ({ pass, decision: 'not_now' as const, code: 'later' })),
      )
    if (later.length > 0) await sleep(Math.max(...later.map(({ ms }) => ms)), undefined, { signal })
    asking = later.map(({ pass }) => pass)
  }
  if (paused !== null && cleared.size === 0) throw paused
  return { cleared, refused, paused }
}

const unavailable = () =>
  new PausedError('resolution_unavailable', 'request can not resolve a person now; work waits until it can.')

const gateClosed = () =>
  new PausedError(
    'gate_closed',
    'the gate of this system is shut after a restore; work waits until it opens.',
  )

export const letheRestored = () =>
  new PausedError(LETHE_RESTORED, "Lethe's own database was restored; work waits until it is whole.")

const worthWaiting = ({ decision, retryAfterMs }: ClearanceAnswer): boolean =>
  decision === 'not_now' && retryAfterMs !== undefined && retryAfterMs <= WORTH_WAITING_MS

function clearedPass(pass: WantedPass, answer: ClearanceAnswer): ClearedPass | undefined {
  const { decision, grant, subject } = answer
  if (decision !== 'go' || !grant || !subject) return undefined
  return {
    requestId: pass.requestId,
    systemId: pass.systemId,
    stepId: pass.stepId,
    passId: pass.passId,
    attempt: pass.attempt,
    subject,
    grant: { grantId: grant.grantId, expiresAt: grant.expiresAt },
    ceilingWaived: answer.ceilingWaived ?? false,
    macKey: grant.macKey,
  }
}
