import { randomBytes, randomUUID } from 'node:crypto'
import type { Backdoor, Person, Tally } from '@lethe/eraser-kit/conformance'
import { endpoints } from '@lethe/infra'
import { Redis } from 'ioredis'
import { type RedisSystem, redisSystem } from './grammar.js'
import type { RedisOptions } from './options.js'

const PREFIX = 'app:'
const PROFILE = 'tenant:{tenant}:user:{user_id}:*'
const CACHED = 'tenant:{tenant}:cache:user:{user_id}'
const MAIL = 'mail:{tenant}:{email}:*'
const SESSIONS = 'tenant:{tenant}:sessions-of:{user_id}'
const LOCK = 'spec-lock'

/** Rights of the two deployments; the README lists the same. */
export const eraserRights =
  '+info +select +scan +sscan +exists +eval +time +unlink +srem +hincrby +hset +hget +hmget +hgetall +hkeys'
export const probeRights = '+info +select +scan +sscan +exists +smembers'

/** A logical database of the shared server, empty and ours until the spec ends. */
export async function ownDatabase(): Promise<{ client: Redis; database: number; url: URL }> {
  const url = new URL(endpoints().shopRedisUrl)
  const first = 1 + Math.floor(Math.random() * 15)
  for (let tried = 0; tried < 15; tried++) {
    const database = 1 + ((first + tried) % 15)
    const client = new Redis({ host: url.hostname, port: Number(url.port), db: database })
    const free = await client.set(LOCK, '1', 'PX', 900_000, 'NX')
    if (free && (await client.dbsize()) === 1) return { client, database, url }
    if (free) await client.del(LOCK)
    client.disconnect()
  }
  throw new Error('no logical database of Redis is free: end other specs or empty one')
}

/** An application puts no delimiter into a key unescaped: its own keys would be ambiguous. */
const escaped = (value: string) => value.replaceAll(':', '%3A')

/** Seeds and counts with a client of its own and by comparing whole names. */
export async function openRedisBackdoor(): Promise<Backdoor<RedisOptions, RedisSystem>> {
  const { client, database, url } = await ownDatabase()
  const users = { erase: `eraser-${randomUUID()}`, probe: `probe-${randomUUID()}` }
  const password = randomBytes(12).toString('hex')
  const grant = (user: string, rights: string) =>
    client.call('ACL', 'SETUSER', user, 'reset', 'on', `>${password}`, ...rights.split(' '))
  const grantEraser = () => grant(users.erase, `~${PREFIX}* ~lethe:* -@all ${eraserRights}`)
  await grantEraser()
  await grant(users.probe, `%R~${PREFIX}* %R~lethe:* -@all ${probeRights}`)
  const sessionsOf = new Map<string, string[]>()

  const everyKey = async () => (await client.keysBuffer('*')).map(String).filter((key) => key !== LOCK)
  const parts = ({ tenantId, identifiers }: Person) => ({
    tenant: tenantId,
    user: escaped(identifiers.user_id ?? ''),
    email: escaped(identifiers.email ?? ''),
  })
  const nameOf = (person: Person) => JSON.stringify([person.tenantId, person.identifiers.user_id])

  return {
    endpoint: { host: url.hostname, port: Number(url.port) },
    system: redisSystem.parse({
      prefix: PREFIX,
      keys: [PROFILE, CACHED, MAIL],
      sets: [{ set: SESSIONS, key: 'session:{member}' }],
      idsHoldDelimiters: false,
    }),
    tenant: { column: 'tenant_id' },
    canonical: 'user_id',
    tenantsShareIds: true,
    options: (at, credentials) => {
      const user = credentials === 'probe' ? users.probe : users.erase
      const secret = credentials === 'wrong' ? 'wrong' : password
      return { url: `redis://${user}:${secret}@${at.host}:${at.port}/${database}` }
    },
    reset: async () => {
      const keys = await everyKey()
      if (keys.length > 0) await client.unlink(...keys)
      sessionsOf.clear()
    },
    seed: async (person, size) => {
      const { tenant, user, email } = parts(person)
      const pipeline = client.pipeline()
      for (let at = 0; at < size; at++) {
        pipeline.set(`${PREFIX}tenant:${tenant}:user:${user}:item:${at}`, `profile ${at}`)
        pipeline.set(`${PREFIX}mail:${tenant}:${at % 2 ? email : email.toUpperCase()}:${at}`, `mail ${at}`)
        const session = `${user}-${randomUUID()}`
        sessionsOf.set(nameOf(person), [...(sessionsOf.get(nameOf(person)) ?? []), session])
        pipeline.sadd(`${PREFIX}tenant:${tenant}:sessions-of:${user}`, session)
        pipeline.hset(`${PREFIX}session:${session}`, { started: 'today' })
      }
      pipeline.set(`${PREFIX}tenant:${tenant}:cache:user:${user}`, 'rendered page')
      await pipeline.exec()
      return { [PROFILE]: size, [MAIL]: size, [CACHED]: 1, [SESSIONS]: size + 1 }
    },
    count: async (person): Promise<Tally> => {
      const { tenant, user, email } = parts(person)
      const keys = await everyKey()
      const starting = (head: string) => keys.filter((key) => key.startsWith(PREFIX + head)).length
      const sessions = (sessionsOf.get(nameOf(person)) ?? []).map((id) => `${PREFIX}session:${id}`)
      const set = `${PREFIX}tenant:${tenant}:sessions-of:${user}`
      return {
        [PROFILE]: starting(`tenant:${tenant}:user:${user}:`),
        [MAIL]: starting(`mail:${tenant}:${email}:`) + starting(`mail:${tenant}:${email.toUpperCase()}:`),
        [CACHED]: keys.filter((key) => key === `${PREFIX}tenant:${tenant}:cache:user:${user}`).length,
        [SESSIONS]: keys.filter((key) => key === set || sessions.includes(key)).length,
      }
    },
    snapshot: async () => {
      const keys = (await everyKey()).filter((key) => !key.startsWith('lethe:')).sort()
      const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
      return new Map(keys.map((key, at) => [key, dumps[at]?.toString('base64') ?? '']))
    },
    refuse: async () => {
      await client.call('ACL', 'SETUSER', users.erase, '-unlink')
      return { scope: 'store', undo: async () => void (await grantEraser()) }
    },
    letheText: async () => {
      const keys = (await everyKey()).filter((key) => key.startsWith('lethe:'))
      const hashes = await Promise.all(keys.map((key) => client.hgetall(key)))
      return JSON.stringify([keys, hashes])
    },
    close: async () => {
      await client.call('ACL', 'DELUSER', users.erase, users.probe)
      await client.flushdb()
      client.disconnect()
    },
  }
}
