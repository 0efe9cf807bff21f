import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import type { EraseIo, Pass } from '@lethe/eraser-kit'
import { newCanary, search, shownBy } from '@lethe/eraser-kit/conformance'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { redisSystem } from './grammar.js'
import { redis } from './index.js'
import { type PrivateRedis, startRedis } from './private-redis.spec.js'

const canary = newCanary()
const user = `u-${canary.word}-${canary.digits}`
const set = `tenant:acme:keys-of:${user}`
const profile = `tenant:acme:user:${user}:profile`

let server: PrivateRedis
beforeEach(async () => {
  server = await startRedis()
  await server.client.set(profile, 'x')
  await server.client.set(`loose-${user}`, 'x')
  await server.client.sadd(set, `loose-${user}`)
})
afterEach(() => server.stop())

function context(url: string) {
  return {
    systemId: 'cache',
    options: redis.options.parse(url),
    system: redisSystem.parse({
      keys: ['tenant:{tenant}:user:{user_id}:*', 'tenant:{tenant}:page:{user_id}'],
      sets: [{ set: 'tenant:{tenant}:keys-of:{user_id}' }],
    }),
    tenant: { column: 'tenant_id' },
    canonical: 'user_id' as const,
    ceiling: null,
  }
}

const pass: Pass = {
  requestId: randomUUID(),
  systemId: 'cache',
  stepId: 'cache#1',
  passId: 'cache#1/initial',
  attempt: 1,
  subject: {
    subjectRef: 's',
    tenantId: 'acme',
    identifiers: [{ type: 'user_id', value: user }],
    receivedAt: 0,
  },
  grant: { grantId: 'g', expiresAt: Date.now() + 600_000 },
  ceilingWaived: false,
}
const io: EraseIo = {
  signal: new AbortController().signal,
  now: Date.now,
  receipt: ({ requestId, passId }, outcome) => ({ requestId, passId, body: JSON.stringify(outcome) }),
}

interface Fault {
  /** Makes the server refuse; what the connector is to log in with, if not as it is. */
  readonly provoke: (client: Redis) => Promise<unknown>
  /** The same refusal met by the vendor's client on its own, with the same kind of command. */
  readonly raw: (client: Redis) => Promise<unknown>
  /** The calls that must fail: the others don't meet the fault. */
  readonly fails: readonly Call[]
  readonly credentials?: string
}
type Call = 'erase' | 'preview' | 'probe'

const password = randomUUID()
const countsOf = `lethe:cache:counts:{${pass.requestId}}:${pass.requestId}:${pass.passId}`

const faults: Record<string, Fault> = {
  'WRONGTYPE on an index set': {
    provoke: async (client) => {
      await client.del(set)
      await client.set(set, 'a text')
    },
    raw: (client) => client.sscan(set, '0'),
    fails: ['erase', 'preview', 'probe'],
  },
  'OOM at maxmemory': {
    provoke: (client) => client.config('SET', 'maxmemory', '1'),
    raw: (client) => client.set(profile, 'y'),
    fails: ['erase'],
  },
  'an error inside a script': {
    provoke: (client) => client.set(countsOf, 'no hash'),
    raw: (client) => client.eval(`return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)`, 1, countsOf, user),
    fails: ['erase'],
  },
  'a key that the ACL denies': {
    provoke: (client) =>
      client.call('ACL', 'SETUSER', 'narrow', 'reset', 'on', `>${password}`, '+@all', '~lethe:*'),
    raw: async (client) => {
      const narrow = client.duplicate({ username: 'narrow', password })
      try {
        return await narrow.exists(profile)
      } finally {
        narrow.disconnect()
      }
    },
    fails: ['erase', 'preview', 'probe'],
    credentials: `narrow:${password}@`,
  },
  'a command that the ACL denies in a script': {
    provoke: (client) =>
      client.call('ACL', 'SETUSER', 'narrow', 'reset', 'on', `>${password}`, '+@all', '-unlink', '~*'),
    raw: async (client) => {
      const narrow = client.duplicate({ username: 'narrow', password })
      try {
        return await narrow.eval(`return redis.call('UNLINK', KEYS[1])`, 1, profile)
      } finally {
        narrow.disconnect()
      }
    },
    fails: ['erase'],
    credentials: `narrow:${password}@`,
  },
}

describe('what Redis says of a person stays inside the connector', () => {
  it.each(Object.keys(faults))('%s', async (name) => {
    const fault = faults[name] as Fault
    await fault.provoke(server.client)
    // The control: the vendor's own error names the person, so a connector that let it out would be seen here.
    const raw = await fault.raw(server.client).catch((error: unknown) => error)
    expect(raw).toBeInstanceOf(Error)
    expect(search(Buffer.from(inspect(raw, { depth: 12 })), canary)).not.toEqual([])
    const leaky = await shownBy(() => fault.raw(server.client))
    expect(search(Buffer.from(leaky.text), canary)).not.toEqual([])

    const at = context(server.url.replace('//', `//${fault.credentials ?? ''}`))
    const opened = await redis.open(at)
    const looking = await redis.openProbe(at)
    const calls: Record<Call, () => Promise<unknown>> = {
      preview: () => opened.preview([pass.subject]),
      probe: () => looking.probe([pass.subject]),
      erase: () => opened.erase([pass], io),
    }
    try {
      for (const [call, work] of Object.entries(calls)) {
        const shown = await shownBy(work)
        expect({ call, hits: search(Buffer.from(shown.text), canary) }).toEqual({ call, hits: [] })
        if (fault.fails.includes(call as Call))
          expect({ call, failed: shown.failed }).toEqual({ call, failed: true })
      }
    } finally {
      await opened.close()
      await looking.close()
    }
  })

  it('a connection that breaks', async () => {
    const [opened, looking] = [
      await redis.open(context(server.url)),
      await redis.openProbe(context(server.url)),
    ]
    await server.stop()
    for (const work of [
      () => opened.preview([pass.subject]),
      () => looking.probe([pass.subject]),
      () => opened.erase([pass], io),
      () => redis.open(context(server.url)),
    ]) {
      const shown = await shownBy(work)
      expect(shown.failed).toBe(true)
      expect(search(Buffer.from(shown.text), canary)).toEqual([])
    }
    await opened.close()
    await looking.close()
  })
})
