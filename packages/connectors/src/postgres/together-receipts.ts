import type { Outcome } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { z } from 'zod'
import { countBatch } from './receipts.js'

/** Outcomes by request. */
export type Told = ReadonlyMap<string, Outcome>

/** In the place of a request's id, which is a UUID. */
const TOGETHER = '@together'
const SLOTS = 16

interface Known {
  readonly at: string
  readonly told: Told
  /** Written by this process. */
  readonly mine: boolean
}

interface Writing {
  readonly passId: string
  readonly slot: number
  readonly told: Told
  /** Epoch milliseconds by the server's clock. */
  readonly deadline: number
}

interface Written {
  readonly key: string
  /** Tells one writing of a slot from the next. */
  readonly at: string
  readonly told: Told
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

  /** What the last batches of this pass id came to. */
  async read(db: ClientBase, passId: string): Promise<Told> {
    const keys = Array.from({ length: SLOTS }, (_, slot) => keyOf(passId, slot))
    for (const key of this.known.keys())
      if (!keys.includes(key) && this.known.size > SLOTS) this.known.delete(key)
    const { rows } = await db.query<{ key: string; at: string }>(
      'SELECT pass_id AS key, written_at::text AS at FROM lethe.receipts WHERE request_id = $1 AND pass_id = ANY($2::text[])',
      [TOGETHER, keys],
    )
    const news = rows.filter(({ key, at }) => this.known.get(key)?.at !== at)
    if (news.length > 0) await this.load(db, news)
    return new Map(rows.flatMap(({ key }) => [...(this.known.get(key)?.told ?? [])]))
  }

  /** In the place of what stood in the slot. Whoever found nothing is found by nobody again, and needs no receipt. */
  async write(db: ClientBase, { passId, slot, told, deadline }: Writing): Promise<Written> {
    const key = keyOf(passId, slot)
    const before = this.known.get(key)
    // Another process may have ended before it recorded these, and had parted people into batches otherwise.
    const all = before && !before.mine ? new Map([...before.told, ...told]) : told
    await db.query('DELETE FROM lethe.receipts WHERE request_id = $1 AND pass_id = $2', [TOGETHER, key])
    const { rows } = await db.query<{ at: string }>(
      `INSERT INTO lethe.receipts (request_id, pass_id, body, outcome, grant_expires_at)
       VALUES ($1, $2, $3, '{}', to_timestamp($4::float8 / 1000.0)) RETURNING written_at::text AS at`,
      [TOGETHER, key, bodyOf(all), deadline],
    )
    // Last of all: the lock lasts until COMMIT.
    await countBatch(db)
    return { key, at: rows[0]?.at ?? '', told: all }
  }

  /** After COMMIT. */
  remember({ key, at, told }: Written): void {
    this.known.set(key, { at, told: withoutAbsent(told), mine: true })
  }

  private async load(db: ClientBase, news: readonly { key: string }[]): Promise<void> {
    const { rows } = await db.query<{ key: string; at: string; body: string }>(
      'SELECT pass_id AS key, written_at::text AS at, body FROM lethe.receipts WHERE request_id = $1 AND pass_id = ANY($2::text[])',
      [TOGETHER, news.map(({ key }) => key)],
    )
    for (const { key, at, body } of rows) this.known.set(key, { at, told: toldIn(body), mine: false })
  }
}

const keyOf = (passId: string, slot: number): string => `${passId}@${slot}`

const withoutAbsent = (told: Told): Told =>
  new Map([...told].filter(([, { outcome }]) => outcome !== 'not_found'))

/** Most people of a batch come to the same, so that is written once. */
function bodyOf(told: Told): string {
  const groups = new Map<string, string[]>()
  for (const [requestId, outcome] of withoutAbsent(told)) {
    const key = JSON.stringify(outcome)
    const group = groups.get(key)
    if (group) group.push(requestId)
    else groups.set(key, [requestId])
  }
  return `{"outcomes":[${[...groups.keys()].join(',')}],"requests":${JSON.stringify([...groups.values()])}}`
}

function toldIn(body: string): Told {
  const { outcomes, requests } = bodyShape.parse(JSON.parse(body))
  return new Map(
    outcomes.flatMap((outcome, at) => (requests[at] ?? []).map((requestId) => [requestId, outcome] as const)),
  )
}
