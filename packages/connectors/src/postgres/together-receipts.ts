import type { Outcome } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { z } from 'zod'
import { type Groups, hashOf, outcomesIn, ToldRequests } from './told-requests.js'

/** Outcomes by request. */
type Told = ReadonlyMap<string, Outcome>

/** In the place of a request's id, which is a UUID. */
const TOGETHER = '@together'
const SLOTS = 16

interface Known {
  readonly at: string
  readonly told: ToldRequests
  /** Of `told`, what another process wrote and this one has not told again: it stays, whoever takes the slot. */
  readonly others: Map<string, Outcome>
}

/** What the last batches of a pass id came to. */
export interface Before {
  readonly passId: string
  readonly slot: number
  /** What stays of what stood in the slot. */
  readonly others: Told
  told(requestId: string): Outcome | undefined
}

interface Writing {
  readonly before: Before
  readonly requests: readonly string[]
  /** Of each of `requests`. */
  readonly told: readonly Outcome[]
  /** Epoch milliseconds by the server's clock. */
  readonly deadline: number
}

interface Written {
  readonly passId: string
  readonly key: string
  /** Tells one writing of a slot from the next. */
  readonly at: string
  readonly told: Groups
  readonly others: Map<string, Outcome>
}

const bodyShape = z.object({
  outcomes: z.array(z.custom<Outcome>((value) => typeof value === 'object' && value !== null)),
  requests: z.array(z.array(z.string())),
})

/**
 * Receipts of batches that were erased together: per pass id the last few, because what was told before has been
 * recorded elsewhere. They hold ids of requests and counts, and nobody's identifier.
 */
export class TogetherReceipts {
  /** As last read or written; the database is asked each time whether it is still so. */
  private readonly known = new Map<string, Known>()

  /** Empties the slot, inside the transaction that will fill it, and tells what stood there and in the others. */
  async read(db: ClientBase, passId: string, slot: number): Promise<Before> {
    const keys = keysOf(passId)
    if (this.known.size > SLOTS)
      for (const key of this.known.keys()) if (!keys.includes(key)) this.known.delete(key)
    // The bodies of those this process has not seen; a statement sees what it deletes.
    const { rows } = await db.query<{ key: string; at: string; body: string | null }>(
      `WITH emptied AS (DELETE FROM lethe.receipts WHERE request_id = $1 AND pass_id = $5)
       SELECT pass_id AS key, written_at::text AS at,
         CASE WHEN k.at IS DISTINCT FROM written_at::text THEN body END AS body
       FROM unnest($2::text[], $3::text[]) AS k(key, at)
       JOIN lethe.receipts ON request_id = $1 AND pass_id = k.key ORDER BY array_position($4::text[], pass_id)`,
      [TOGETHER, keys, keys.map((key) => this.known.get(key)?.at ?? null), keys, keyOf(passId, slot)],
    )
    for (const { key, at, body } of rows) {
      // Asked for before this process knew it, and its own by now: nothing of another's has to stay.
      if (body === null || this.known.get(key)?.at === at) continue
      const groups = groupsIn(body)
      this.known.set(key, { at, told: new ToldRequests(groups), others: outcomesIn(groups) })
    }
    const all = rows.flatMap(({ key }) => this.known.get(key)?.told ?? [])
    const own = keyOf(passId, slot)
    const others = rows.some(({ key }) => key === own) ? this.known.get(own)?.others : undefined
    return { passId, slot, others: others ?? new Map(), told: (requestId) => firstOf(all, requestId) }
  }

  /**
   * Into the slot that was emptied, and counted in the marker. Whoever found nothing is found by nobody again, and needs
   * no receipt. Last of all in a transaction: every eraser of this store counts in one row, and its lock lasts until COMMIT.
   */
  async write(db: ClientBase, { before, requests, told, deadline }: Writing): Promise<Written> {
    const key = keyOf(before.passId, before.slot)
    const all = groupsOf(requests, told)
    // Another process may have ended before it recorded these, and had parted people into batches otherwise.
    const others = new Map(before.others)
    if (others.size > 0) for (const mine of all.values()) for (const one of mine) others.delete(one)
    for (const [requestId, outcome] of others) addTo(all, requestId, outcome)
    const { rows } = await db.query<{ at: string }>(
      `WITH counted AS (INSERT INTO lethe.marker AS m (receipts, written_at) VALUES (1, clock_timestamp())
         ON CONFLICT (single) DO UPDATE SET receipts = m.receipts + 1, written_at = excluded.written_at)
       INSERT INTO lethe.receipts (request_id, pass_id, body, outcome, grant_expires_at)
       VALUES ($1, $2, $3, '{}', to_timestamp($4::float8 / 1000.0)) RETURNING written_at::text AS at`,
      [TOGETHER, key, bodyOf(all), deadline],
    )
    return { passId: before.passId, key, at: rows[0]?.at ?? '', told: all, others }
  }

  /** After COMMIT. What was told again stands in this receipt now, and no longer has to stay in the one of then. */
  remember({ passId, key, at, told, others }: Written): void {
    this.known.set(key, { at, told: new ToldRequests(told), others })
    for (const one of keysOf(passId)) {
      const known = this.known.get(one)
      if (one === key || known === undefined || known.others.size === 0) continue
      for (const requests of told.values()) for (const requestId of requests) known.others.delete(requestId)
    }
  }
}

const keyOf = (passId: string, slot: number): string => `${passId}@${slot}`
const keysOf = (passId: string): string[] => Array.from({ length: SLOTS }, (_, slot) => keyOf(passId, slot))

function firstOf(all: readonly ToldRequests[], requestId: string): Outcome | undefined {
  const hash = hashOf(requestId)
  for (const told of all) {
    const outcome = told.get(requestId, hash)
    if (outcome !== undefined) return outcome
  }
  return undefined
}

/** Whoever found nothing is found by nobody again, and is in no group. */
function groupsOf(requests: readonly string[], told: readonly Outcome[]): Map<Outcome, string[]> {
  const groups = new Map<Outcome, string[]>()
  requests.forEach((requestId, at) => {
    const outcome = told[at]
    if (outcome !== undefined && outcome.outcome !== 'not_found') addTo(groups, requestId, outcome)
  })
  return groups
}

function addTo(groups: Map<Outcome, string[]>, requestId: string, outcome: Outcome): void {
  const group = groups.get(outcome)
  if (group) group.push(requestId)
  else groups.set(outcome, [requestId])
}

/** Most people of a batch come to the same, and share it: it is written once. */
const bodyOf = (told: Groups): string =>
  JSON.stringify({ outcomes: [...told.keys()], requests: [...told.values()] })

function groupsIn(body: string): Groups {
  const { outcomes, requests } = bodyShape.parse(JSON.parse(body))
  return new Map(outcomes.map((outcome, at) => [outcome, requests[at] ?? []]))
}
