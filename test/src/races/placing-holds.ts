import { setTimeout as delay } from 'node:timers/promises'
import type { LetheClient } from '@lethe/client'
import pg from 'pg'
import type { Chain } from '../harness/chain.js'
import type { Person } from '../shop/oracle.js'
import { atOnce, erasureOf } from './people.js'

/** What `hold` answered. */
export interface HoldAnswer {
  readonly effectiveAt: number
  readonly alreadyGone: readonly {
    readonly systemId: string
    readonly passId: string
    readonly outcome: string
  }[]
  readonly outstandingGrants: readonly { readonly systemId: string; readonly expiresAt: number }[]
}

/** Events of the log at which a hold is placed; `at once` is as soon as the request is accepted. */
export const moments = [
  'at once',
  'GrantIssued cache#1/initial',
  'PassAcknowledged cache#1/initial',
  'GrantIssued shop-pg#1/initial',
  'PassAcknowledged shop-pg#1/initial',
  'GrantIssued cache#2/initial',
  'RequestLiveErased',
  'RequestCompleted',
] as const

const HOLDS_AT_ONCE = 24

/**
 * Asks for everybody's erasure and places a hold on each while they run, each person at another moment of
 * their own erasure. @returns the answers, by user id, and the requests
 */
export async function raceHolds(
  chain: Chain,
  client: LetheClient,
  people: readonly Person[],
): Promise<{ requestOf: Map<string, string>; answers: Map<string, HoldAnswer> }> {
  const requestOf = new Map<string, string>()
  const answers = new Map<string, HoldAnswer>()
  const hold = async (userId: string) => {
    const answer = await client.command<HoldAnswer>(requestOf.get(userId) as string, 'hold')
    answers.set(userId, answer)
  }
  const momentOf = new Map(people.map(({ userId }, index) => [userId, moments[index % moments.length]]))
  const asking = atOnce(people, 40, async (person) => {
    requestOf.set(person.userId, (await client.request(erasureOf(person))).requestId)
    if (momentOf.get(person.userId) === 'at once') await hold(person.userId)
  })
  const due: string[] = []
  const waiting = new Set(
    people.flatMap(({ userId }) => (momentOf.get(userId) === 'at once' ? [] : [userId])),
  )
  const log = new LogTail(chain.letheUrl)
  const watching = (async () => {
    for (const end = Date.now() + 300_000; waiting.size > 0; await delay(25)) {
      if (Date.now() > end) {
        const missed = new Set([...waiting].map((userId) => momentOf.get(userId)))
        throw new Error(`${waiting.size} erasures never came to their moment: ${[...missed].join(', ')}`)
      }
      const userOf = new Map([...requestOf].map(([userId, id]) => [id, userId]))
      for (const { id, what } of await log.next()) {
        const userId = userOf.get(id)
        if (userId && what === momentOf.get(userId) && waiting.delete(userId)) due.push(userId)
      }
    }
  })()
  const placing = Promise.all(
    Array.from({ length: HOLDS_AT_ONCE }, async () => {
      for (let next = due.pop(); next !== undefined || waiting.size > 0; next = due.pop())
        await (next === undefined ? delay(5) : hold(next))
    }),
  )
  try {
    await Promise.all([asking, watching, placing])
  } finally {
    await log.close()
  }
  return { requestOf, answers }
}

/** Events as they are committed, each once: everything older than the last look's running transactions is known. */
class LogTail {
  private readonly seen = new Set<string>()
  private readonly pool: pg.Pool
  private from = '0'

  constructor(url: string) {
    this.pool = new pg.Pool({ connectionString: url, max: 1 })
  }

  async next(): Promise<{ id: string; what: string }[]> {
    const { rows } = await this.pool.query<{ id: string; version: string; what: string; next: string }>(
      `SELECT stream_id AS id, version, concat_ws(' ', type, data->>'passId') AS what,
         pg_snapshot_xmin(pg_current_snapshot())::text AS next
       FROM events.events WHERE transaction >= $1::text::xid8`,
      [this.from],
    )
    this.from = rows[0]?.next ?? this.from
    return rows.filter(({ id, version, what }) => {
      const known = this.seen.has(`${id} ${version}`)
      this.seen.add(`${id} ${version}`)
      return !known && (moments as readonly string[]).includes(what)
    })
  }

  close(): Promise<void> {
    return this.pool.end()
  }
}
