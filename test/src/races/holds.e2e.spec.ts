import { fileURLToPath } from 'node:url'
import type { LetheClient } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from '../harness/chain.js'
import { until, untilStatus } from '../harness/wait.js'
import { atOnce, customer, customers, erasureOf, systemIds, whole, wrongCounts } from './people.js'
import { type HoldAnswer, raceHolds } from './placing-holds.js'
import { openStops, type Stops } from './stopped-erasers.js'
import { type History, historiesOf, violations } from './verdict.js'
import { presence, Witness } from './witness.js'

const FIRST = 1_001
const PEOPLE = 1_000
const program = (name: string) => fileURLToPath(new URL(`../../dist/races/${name}.js`, import.meta.url))

describe('holds', () => {
  let chain: Chain
  let client: LetheClient
  let witness: Witness
  let stops: Stops

  beforeAll(async () => {
    chain = await Chain.start({ shop: { customers: FIRST + PEOPLE + 10 } })
    client = chain.client()
    witness = await Witness.open(chain, customers(1, FIRST + PEOPLE + 10))
    stops = await openStops(chain, client)
  })

  afterAll(async () => {
    await stops?.close()
    await witness?.close()
    await chain?.stop()
  })

  it('stop a thousand running erasures: nothing goes after effectiveAt, what is gone is what is listed', {
    timeout: 600_000,
  }, async () => {
    const people = customers(FIRST, PEOPLE)
    const { requestOf, answers } = await raceHolds(chain, client, people)
    expect(answers.size).toBe(PEOPLE)
    expectARealRace([...answers.values()])

    await untilEffective([...answers.values()])
    await until(
      'what is gone to be what is listed',
      async () => mismatches(answers, await historiesOf(chain, requestOf)),
      (seen) => seen.length === 0,
      120_000,
    )
    // Someone else's erasure passes by all the erasers and probes meanwhile.
    const other = await client.request(erasureOf(customer(FIRST + PEOPLE)))
    expect((await untilStatus(client, other.requestId, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
    expect(await mismatches(answers, await historiesOf(chain, requestOf))).toEqual([])

    const everyone = new Map([...requestOf, [customer(FIRST + PEOPLE).userId, other.requestId]])
    const changes = await witness.changes()
    expect(violations(changes, await historiesOf(chain, everyone))).toEqual([])

    await atOnce(requestOf.values(), 24, (id) => client.command(id, 'release'))
    const ids = [...requestOf.values()]
    await until('every released erasure to complete', () => statuses(chain, ids), onlyCompleted, 240_000)
    const wrong: string[] = []
    await atOnce(ids, 24, async (id) => wrong.push(...(await wrongCounts(client, id))))
    expect(wrong).toEqual([])
    const left = await presence(chain)
    const remaining = people.filter(({ userId }) => systemIds.some((id) => left[id].has(userId)))
    expect(remaining).toEqual([])
    const histories = await historiesOf(chain, everyone)
    const all = await witness.changes()
    expect(violations(all, histories)).toEqual([])
    expectWitnessed(all.length, PEOPLE + 1)
  })

  it('find an eraser that was stopped past its grant: it commits nothing, and erases when it is released', async () => {
    await Promise.all(systemIds.map((systemId) => stops.relay(systemId)))
    const stopped = await stops.pastExpiry(customers(101, 24))
    expect(new Set(stopped.held.map(({ systemId }) => systemId))).toEqual(new Set(systemIds))
    for (const id of stopped.others.values())
      expect((await untilStatus(client, id, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
    const now = await presence(chain)
    for (const { userId, systemId } of stopped.held)
      expect(now[systemId].get(userId), userId).toBe(whole[systemId])
    expect(violations(await witness.changes(), await historiesOf(chain, stopped.requestOf))).toEqual([])

    for (const { requestId } of stopped.held) await client.command(requestId, 'release')
    const wrong: string[] = []
    for (const id of stopped.requestOf.values()) {
      expect((await untilStatus(client, id, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
      wrong.push(...(await wrongCounts(client, id)))
    }
    expect(wrong).toEqual([])
    expect(violations(await witness.changes(), await historiesOf(chain, stopped.requestOf))).toEqual([])
  })

  it('are seen broken by an eraser that ignores its expiry and by one that goes on without clearance', async () => {
    await Promise.all([
      stops.relay('shop-pg', program('late-eraser')),
      stops.relay('cache', program('hoarding-eraser')),
    ])
    const stopped = await stops.pastExpiry(customers(131, 24))
    for (const systemId of systemIds)
      await until(
        `the changes that must not have been in ${systemId}`,
        async () => violations(await witness.changes(), await historiesOf(chain, stopped.requestOf)),
        (seen) => {
          const rules = new Set(
            seen.flatMap(({ change, rule }) => (change.systemId === systemId ? [rule] : [])),
          )
          return rules.size === 2
        },
      )
  })

  /** What was gone and what was there, against what each hold said; empty when they agree. */
  async function mismatches(
    answers: ReadonlyMap<string, HoldAnswer>,
    histories: ReadonlyMap<string, History>,
  ): Promise<string[]> {
    const now = await presence(chain)
    return [...answers].flatMap(([userId, answer]) =>
      systemIds.flatMap((systemId) => {
        const here = now[systemId].get(userId) ?? 0
        const listed = answer.alreadyGone.some(
          (gone) => gone.systemId === systemId && gone.outcome === 'erased',
        )
        const open = answer.outstandingGrants.some((grant) => grant.systemId === systemId)
        const told = histories.get(userId)?.told.has(systemId) ?? false
        const right = here === (listed || (open && told) ? 0 : whole[systemId])
        return right
          ? []
          : [`${userId} ${systemId}: ${here} here, listed ${listed}, outstanding ${open}, told ${told}`]
      }),
    )
  }
})

/** Rows and keys of everybody went exactly once, and the witness saw each go. */
function expectWitnessed(seen: number, people: number): void {
  expect(seen).toBe(people * (whole['shop-pg'] + whole.cache))
}

/** Holds met erasures before they began, in the middle of a batch, and after some or all of it. */
function expectARealRace(answers: readonly HoldAnswer[]): void {
  const gone = (answer: HoldAnswer) => new Set(answer.alreadyGone.map(({ systemId }) => systemId)).size
  const out = (answer: HoldAnswer) => answer.outstandingGrants.length
  const kinds = {
    before: answers.filter((answer) => gone(answer) === 0 && out(answer) === 0).length,
    during: answers.filter((answer) => out(answer) > 0).length,
    between: answers.filter((answer) => gone(answer) === 1 && out(answer) === 0).length,
    after: answers.filter((answer) => gone(answer) === 2 && out(answer) === 0).length,
  }
  console.info('holds met', kinds)
  for (const [kind, count] of Object.entries(kinds)) expect(count, kind).toBeGreaterThanOrEqual(20)
}

async function untilEffective(answers: readonly HoldAnswer[]): Promise<void> {
  const last = Math.max(...answers.map(({ effectiveAt }) => effectiveAt))
  await until(
    'every hold to be effective',
    async () => Date.now(),
    (now) => now > last,
  )
}

async function statuses(chain: Chain, ids: readonly string[]): Promise<Record<string, number>> {
  return withClient(chain.letheUrl, async (db) => {
    const { rows } = await db.query<{ status: string; n: number }>(
      'SELECT status, count(*)::int AS n FROM read_model.requests WHERE request_id = ANY ($1) GROUP BY status',
      [ids],
    )
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
  })
}

const onlyCompleted = (seen: Record<string, number>) => Object.keys(seen).join() === 'COMPLETED'
