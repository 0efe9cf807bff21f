import type { Timeline } from '../../../src/adapters/http/answer-types.js'

/** One attempt of a pass, as its events tell it. */
export interface Attempt {
  readonly passId: string
  readonly systemId: string
  readonly attempt: number
  /** Epoch milliseconds. */
  readonly askedAt: number
  /** null: no answer came. */
  readonly answeredAt: number | null
  readonly outcome: string | null
  readonly errorCode: string | null
}

interface Told {
  readonly passId?: unknown
  readonly systemId?: unknown
  readonly attempt?: unknown
  readonly outcome?: unknown
  readonly errorCode?: unknown
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const keyOf = ({ passId, attempt }: Told): string => `${String(passId)} ${String(attempt)}`

/** Every attempt, in the order they were asked for; an answer belongs to the attempt it names. */
export function attemptsOf(items: Timeline['items']): readonly Attempt[] {
  const found = new Map<string, Attempt>()
  for (const { type, at, data } of items) {
    const told = data as Told
    if (type === 'PassRequested')
      found.set(keyOf(told), {
        passId: String(told.passId),
        systemId: String(told.systemId),
        attempt: Number(told.attempt),
        askedAt: at,
        answeredAt: null,
        outcome: null,
        errorCode: null,
      })
    const asked = type === 'PassAcknowledged' ? found.get(keyOf(told)) : undefined
    if (asked !== undefined)
      found.set(keyOf(told), {
        ...asked,
        answeredAt: at,
        outcome: text(told.outcome),
        errorCode: text(told.errorCode),
      })
  }
  return [...found.values()]
}
