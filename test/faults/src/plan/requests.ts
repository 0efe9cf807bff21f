import { Random } from './random.js'

/** What becomes of a request after it was accepted. */
export type Life =
  | 'plain'
  /** Sent several times at once under one key. */
  | 'repeated'
  /** Held while it runs, and released later. */
  | 'held-released'
  /** Held while it runs, and left so. */
  | 'held'
  /** Cancelled in its grace period. */
  | 'cancelled'
  /** Refused by an officer in its grace period. */
  | 'refused'
  /** Waits for an officer, who approves. */
  | 'approved'

export interface PlannedRequest {
  readonly n: number
  /** Number of the customer in the shop. */
  readonly customer: number
  readonly by: 'email' | 'user_id'
  readonly via: 'http' | 'intake'
  readonly life: Life
  readonly idempotencyKey: string
  /** Milliseconds from its acceptance to the command that its life asks for. */
  readonly commandAfterMs: number
  /** Milliseconds a hold lasts that is released. */
  readonly holdMs: number
}

const lives: readonly (readonly [Life, number])[] = [
  ['plain', 0.72],
  ['repeated', 0.08],
  ['held-released', 0.06],
  ['held', 0.03],
  ['cancelled', 0.04],
  ['refused', 0.02],
  ['approved', 0.05],
]

function lifeAt(share: number): Life {
  let below = 0
  for (const [life, own] of lives) {
    below += own
    if (share < below) return life
  }
  return 'plain'
}

/** Every fifth customer is never asked for: they are the twins that must stay as they are. */
export function isTwin(customer: number): boolean {
  return customer % 5 === 0 || customer === 77 || customer === 770
}

/** The nth customer that may be asked for, from 0. */
export function customerOf(n: number): number {
  const skipping = n >= FIRST_AFTER_77 ? n + 1 : n
  return Math.floor(skipping / 4) * 5 + (skipping % 4) + 1
}

/** 77 is the demonstration's person, whose neighbour at 770 has nearly her address. */
const FIRST_AFTER_77 = 61

/** The nth request of a run: a function of seed and n alone, whatever happens to the others. */
export function plannedRequest(seed: number, n: number): PlannedRequest {
  const random = new Random(`request ${seed} ${n}`)
  const via = random.chance(0.2) ? 'intake' : 'http'
  const life = lifeAt(random.next())
  return {
    n,
    customer: customerOf(n),
    by: random.pick(['email', 'user_id'] as const),
    via,
    // Commands need the id, which a message does not answer with.
    life: via === 'intake' && life !== 'repeated' ? 'plain' : life,
    idempotencyKey: `run-${seed}-request-${n}`,
    commandAfterMs: random.whole(0, 900),
    holdMs: random.whole(12_000, 25_000),
  }
}
