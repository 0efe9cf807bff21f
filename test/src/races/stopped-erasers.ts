import type { LetheClient } from '@lethe/client'
import { withClient } from '@lethe/infra'
import type { Chain } from '../harness/chain.js'
import { until } from '../harness/wait.js'
import type { Person } from '../shop/oracle.js'
import { askFor } from './people.js'
import type { HoldAnswer } from './placing-holds.js'
import { Relay, type Words } from './relay.js'
import { historiesOf } from './verdict.js'
import type { Change } from './witness.js'

type SystemId = Change['systemId']
export interface HeldPerson {
  readonly userId: string
  readonly requestId: string
  /** The system whose eraser was stopped with a grant for them. */
  readonly systemId: SystemId
}

export interface StoppedPeople {
  readonly requestOf: ReadonlyMap<string, string>
  /** Held while their eraser was stopped; the hold is still in force. */
  readonly held: readonly HeldPerson[]
  /** In the same batches, not held: request ids by user id. */
  readonly others: ReadonlyMap<string, string>
}

export interface Stops {
  /** Puts a system's eraser, or another program in its place, behind a relay. */
  relay(systemId: SystemId, program?: string): Promise<void>
  /**
   * Stops both erasers between grant and commit, each with a batch of half the people; holds every second of
   * them, and lets the erasers go on when their grants are over. Returns when they go on.
   */
  pastExpiry(people: readonly Person[]): Promise<StoppedPeople>
  close(): Promise<void>
}

/** The last word of each eraser to its store, after which nothing of Lethe's could stop the change. */
const lastWords: Readonly<Record<SystemId, Words>> = {
  'shop-pg': { after: 'INSERT INTO lethe.receipts', word: 'COMMIT' },
  cache: { after: 'UNLINK', word: 'UNLINK' },
}
const secrets = { 'shop-pg': 'SHOP_PG', cache: 'SHOP_REDIS' } as const
const steps = { 'shop-pg': 'shop-pg#1', cache: 'cache#1' } as const

export async function openStops(chain: Chain, client: LetheClient): Promise<Stops> {
  const relays = {
    'shop-pg': await Relay.open(chain.pgUrl),
    cache: await Relay.open(chain.redisUrl),
  }
  return {
    relay: async (systemId, program) => {
      const name = secrets[systemId]
      const url = chain.environment(`eraser-${systemId}`)[name] as string
      await chain.exchange(`eraser-${systemId}`, program, { [name]: relays[systemId].through(url) })
    },
    pastExpiry: async (people) => {
      const half = people.length / 2
      const stopped = [
        await stopBeforeCommit(chain, client, people.slice(0, half), 'shop-pg', relays['shop-pg']),
        await stopBeforeCommit(chain, client, people.slice(half), 'cache', relays.cache),
      ]
      const held = (await Promise.all(stopped.map((one) => holdPastExpiry(chain, client, one)))).flat()
      const requestOf = new Map(stopped.flatMap((one) => [...one.requestOf]))
      const isHeld = new Set(held.map(({ userId }) => userId))
      return { requestOf, held, others: new Map([...requestOf].filter(([userId]) => !isHeld.has(userId))) }
    },
    close: async () => {
      await Promise.all(Object.values(relays).map((relay) => relay.close()))
    },
  }
}

interface Stopped {
  readonly systemId: SystemId
  readonly requestOf: ReadonlyMap<string, string>
  goOn(): void
}

/** The eraser has its grants, its last word to the store is on the way, and its process stands still. */
async function stopBeforeCommit(
  chain: Chain,
  client: LetheClient,
  people: readonly Person[],
  systemId: SystemId,
  relay: Relay,
): Promise<Stopped> {
  let caught: Promise<void> | undefined
  const requestOf = await commandedTo(chain, client, people, systemId, () => {
    caught = relay.catch(lastWords[systemId])
  })
  await caught
  chain.signal(`eraser-${systemId}`, 'SIGSTOP')
  return {
    systemId,
    requestOf,
    goOn: () => {
      relay.release()
      chain.signal(`eraser-${systemId}`, 'SIGCONT')
    },
  }
}

/** Holds some of the people whose grants are out, and lets the eraser go on when those are over. */
async function holdPastExpiry(chain: Chain, client: LetheClient, stopped: Stopped): Promise<HeldPerson[]> {
  const held = await holdEverySecond(chain, client, stopped)
  const last = Math.max(...held.map(({ effectiveAt }) => effectiveAt))
  await until(
    'the grants to end',
    async () => Date.now(),
    (now) => now > last,
  )
  stopped.goOn()
  return held
}

/** Requests whose commands for a step meet their eraser together, after `prepare`. */
async function commandedTo(
  chain: Chain,
  client: LetheClient,
  people: readonly Person[],
  systemId: SystemId,
  prepare: () => void,
): Promise<Map<string, string>> {
  const [eraser, stepId] = [`eraser-${systemId}` as const, steps[systemId]]
  chain.signal(eraser, 'SIGSTOP')
  try {
    const requestOf = await askFor(client, people)
    const ids = [...requestOf.values()]
    await until(
      `every ${stepId} to be commanded`,
      () => publishedCommands(chain, ids, stepId),
      (seen) => seen === ids.length,
    )
    prepare()
    return requestOf
  } finally {
    chain.signal(eraser, 'SIGCONT')
  }
}

function publishedCommands(chain: Chain, ids: readonly string[], stepId: string): Promise<number> {
  return withClient(chain.letheUrl, async (db) => {
    const { rows } = await db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM events.events
       WHERE stream_id = ANY ($1) AND type = 'PassRequested' AND data->>'stepId' = $2`,
      [ids, stepId],
    )
    return rows[0]?.n ?? 0
  })
}

/** Holds every second person whose grant is out; those whose batch comes later are not in this race. */
async function holdEverySecond(
  chain: Chain,
  client: LetheClient,
  { requestOf, systemId }: Stopped,
): Promise<(HeldPerson & { readonly effectiveAt: number })[]> {
  const histories = await historiesOf(chain, requestOf)
  const granted = [...requestOf].filter(([userId]) =>
    histories.get(userId)?.grants.some((grant) => grant.systemId === systemId),
  )
  return Promise.all(
    granted
      .filter((_, index) => index % 2 === 0)
      .map(async ([userId, requestId]) => {
        const { effectiveAt, outstandingGrants } = await client.command<HoldAnswer>(requestId, 'hold')
        const out = outstandingGrants.map((grant) => grant.systemId)
        if (!out.includes(systemId))
          throw new Error(`${systemId} acknowledged ${requestId} while it was stopped`)
        return { userId, requestId, systemId, effectiveAt }
      }),
  )
}
