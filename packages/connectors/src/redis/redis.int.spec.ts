import { randomUUID } from 'node:crypto'
import type { EraseIo, OpenContext, Outcome, Pass } from '@lethe/eraser-kit'
import { afterEach, describe, expect, it } from 'vitest'
import { type RedisSystem, redisSystem } from './grammar.js'
import { redis } from './index.js'
import type { RedisOptions } from './options.js'
import { type PrivateRedis, startRedis } from './private-redis.spec.js'

const family = 'tenant:{tenant}:user:{user_id}:*'
const set = 'tenant:{tenant}:keys-of:{user_id}'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function server(...options: string[]): Promise<PrivateRedis> {
  const started = await startRedis(...options)
  open.push(() => started.stop())
  return started
}

/** Three masters, a third of the slots each. */
async function cluster(): Promise<PrivateRedis[]> {
  const nodes: PrivateRedis[] = []
  for (let at = 0; at < 3; at++) nodes.push(await server('--cluster-enabled', 'yes'))
  const bounds = [0, 5_461, 10_922, 16_384]
  for (const [at, node] of nodes.entries()) {
    await node.client.call('CLUSTER', 'ADDSLOTSRANGE', bounds[at] ?? 0, (bounds[at + 1] ?? 0) - 1)
    await node.client.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1)
    await node.client.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0]?.port ?? 0)
  }
  const whole = async (node: PrivateRedis) => String(await node.client.call('CLUSTER', 'INFO'))
  const ready = (info: string) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')
  await expect
    .poll(async () => (await Promise.all(nodes.map(whole))).every(ready), { timeout: 20_000 })
    .toBe(true)
  return nodes
}

function context(url: string, system: unknown): OpenContext<RedisOptions, RedisSystem> {
  return {
    systemId: 'cache',
    options: redis.options.parse(url),
    system: redisSystem.parse(system),
    tenant: { column: 'tenant_id' },
    canonical: 'user_id',
    ceiling: null,
  }
}
async function session(url: string, system: unknown = { keys: [family] }) {
  const opened = await redis.open(context(url, system))
  open.push(() => opened.close())
  return opened
}
async function probe(url: string, system: unknown = { keys: [family] }) {
  const opened = await redis.openProbe(context(url, system))
  open.push(() => opened.close())
  return opened
}
function pass(user: string, change: Partial<Pass> = {}): Pass {
  const identifiers = [{ type: 'user_id' as const, value: user }]
  return {
    requestId: randomUUID(),
    systemId: 'cache',
    stepId: 'cache#1',
    passId: 'cache#1/initial',
    attempt: 1,
    subject: { subjectRef: 's', tenantId: 'acme', identifiers, receivedAt: 0 },
    grant: { grantId: 'g', expiresAt: Date.now() + 30_000 },
    ceilingWaived: false,
    ...change,
  }
}
const io = (change: Partial<EraseIo> = {}): EraseIo => ({
  signal: new AbortController().signal,
  now: Date.now,
  receipt: ({ requestId, passId }, outcome) => ({ requestId, passId, body: JSON.stringify(outcome) }),
  ...change,
})
const counts = (found: number) => ({ found, erased: found, redacted: 0, retained: 0, failed: 0 })
const key = (user: string, rest: string | number) => `tenant:acme:user:${user}:${rest}`

describe('redis on a cluster', () => {
  it('finds a person on every master, counts truly and repeats the counts after a crash', async () => {
    const nodes = await cluster()
    const [first] = nodes as [PrivateRedis, ...PrivateRedis[]]
    const erasing = await session(first.url)
    const { Cluster } = await import('ioredis')
    const seed = new Cluster([{ host: '127.0.0.1', port: first.port }])
    open.push(async () => seed.disconnect())
    for (let at = 0; at < 40; at++) {
      await seed.set(key('u1', at), 'x')
      await seed.set(key('u10', at), 'x')
    }
    const held = await Promise.all(nodes.map(({ client }) => client.dbsize()))
    expect(held.every((size) => size > 0)).toBe(true)

    const one = pass('u1')
    const looking = await probe(first.url)
    expect(await looking.probe([one.subject])).toMatchObject([
      { result: 'residual', residual: { [family]: 40 } },
    ])
    // The eraser dies before its receipts: what it removed is known all the same.
    const crash = new Error('killed')
    const dying = io({
      receipt: () => {
        throw crash
      },
    })
    await expect(erasing.erase([one], dying)).rejects.toThrow()
    expect(await erasing.receipts?.read([one])).toEqual([])
    await seed.set(key('u1', 'late'), 'x')
    const [outcome] = await (await session(first.url)).erase([one], io())
    expect(outcome).toMatchObject({ outcome: 'erased', counts: { [family]: counts(41) } })
    expect(await erasing.receipts?.read([one])).toHaveLength(1)
    expect(await looking.probe([one.subject, pass('u10').subject])).toMatchObject([
      { result: 'clean' },
      { result: 'residual', residual: { [family]: 40 } },
    ])
    expect(await erasing.receipts?.prune(new Date(Date.now() - 60_000))).toBe(0)
    expect(await erasing.receipts?.prune(new Date(Date.now() + 1_000))).toBe(1)
    const left = (await Promise.all(nodes.map(({ client }) => client.keys('lethe:*')))).flat()
    expect(left).toEqual(['lethe:cache:marker'])
  })
})

describe('redis', () => {
  it('is refused as a replica, by eraser and probe, before anything is read', async () => {
    const master = await server()
    const replica = await server('--replicaof', '127.0.0.1', `${master.port}`)
    await expect(redis.open(context(replica.url, { keys: [family] }))).rejects.toMatchObject({
      code: 'replica',
      errorClass: 'paused',
    })
    await expect(redis.openProbe(context(replica.url, { keys: [family] }))).rejects.toMatchObject({
      code: 'replica',
    })
  })

  it('refuses a master that became a replica while the session was open', async () => {
    const [master, other] = [await server(), await server()]
    await master.client.set(key('u1', 1), 'x')
    const [erasing, looking] = [await session(master.url), await probe(master.url)]
    await master.client.call('REPLICAOF', '127.0.0.1', `${other.port}`)
    await expect(erasing.erase([pass('u1')], io())).rejects.toMatchObject({ code: 'replica' })
    await expect(looking.probe([pass('u1').subject])).rejects.toMatchObject({ code: 'replica' })
  })

  it('removes nothing once the grant is over by the clock of the server, whatever the host believes', async () => {
    const { url, client } = await server()
    await client.set(key('u1', 1), 'x')
    const late = pass('u1', { grant: { grantId: 'g', expiresAt: Date.now() - 1 } })
    const [outcome] = await (await session(url)).erase([late], io({ now: () => 0 }))
    expect(outcome).toMatchObject({ outcome: 'failed', errorCode: 'grant_expired', errorClass: 'retryable' })
    expect(await client.exists(key('u1', 1))).toBe(1)
  })

  it('keeps no receipts where the server may evict them, and says so', async () => {
    const { url } = await server('--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru')
    const erasing = await session(url)
    expect(erasing.receipts).toBeUndefined()
    expect((await erasing.describe()).findings).toContainEqual(
      expect.objectContaining({ code: 'receipts_evictable' }),
    )
    const { url: safe } = await server('--maxmemory', '64mb', '--maxmemory-policy', 'volatile-lru')
    expect((await session(safe)).receipts).toBeDefined()
  })

  it('does not follow an index set to another person, nor into its own receipts', async () => {
    const { url, client } = await server()
    await client.set(key('u2', 'a'), 'x')
    await client.set('lethe:cache:marker', 'x')
    await client.set('loose', 'x')
    await client.sadd('tenant:acme:keys-of:u1', key('u2', 'a'), 'lethe:cache:marker', 'loose')
    const [outcome] = await (await session(url, { keys: [family], sets: [{ set }] })).erase(
      [pass('u1')],
      io(),
    )
    expect(outcome).toMatchObject({ outcome: 'failed', errorCode: 'foreign_member', errorClass: 'terminal' })
    expect(await client.exists(key('u2', 'a'), 'lethe:cache:marker')).toBe(2)
  })

  it('touches nobody when a key may be of one whose id holds a delimiter, and erases who is certain', async () => {
    const { url, client } = await server()
    const keys = [key('u1', 'cart'), key('u1:x', 'cart'), key('u1:x', 'deep:er'), key('u2', 'cart')]
    const seed = () => Promise.all(keys.map((name) => client.set(name, `of ${name}`)))
    const held = async () =>
      Promise.all(keys.map(async (name) => (await client.dumpBuffer(name))?.toString('hex')))
    await seed()
    const [mine, theirs, deep, certain] = await held()
    const erase = async (system: object) =>
      (await session(url, { keys: [family], ...system })).erase([pass('u1'), pass('u2')], io())
    for (const system of [{}, { idsHoldDelimiters: true }]) {
      await client.set(key('u2', 'cart'), 'again')
      const [first, second] = await erase(system)
      expect(first).toMatchObject({ outcome: 'failed', errorCode: 'ambiguous_key', errorClass: 'terminal' })
      expect(second).toMatchObject({ outcome: 'erased' })
      expect(await held()).toEqual([mine, theirs, deep, undefined])
    }
    // A map that says no id holds one, where one does: what the check above is there to see.
    await seed()
    expect(await held()).toEqual([mine, theirs, deep, certain])
    await erase({ idsHoldDelimiters: false })
    expect(await held()).toEqual([undefined, undefined, undefined, undefined])
    // When the other's keys are gone, nothing is uncertain.
    await client.set(key('u1', 'cart'), 'x')
    expect(await erase({ idsHoldDelimiters: true })).toMatchObject([
      { outcome: 'erased' },
      { outcome: 'not_found' },
    ])
  })

  it('touches nobody when two exact templates give a key to two people', async () => {
    const { url, client } = await server()
    const named = { keys: ['a:{user_id}', 'a:{user_id}:x'] }
    const theirs = 'a:u1:x'
    await client.mset('a:u1', 'mine', theirs, 'of u1:x', 'a:u10', 'of u10', 'a:u10:x', 'of u10')
    const erase = async (system: object, id: string) =>
      (await (await session(url, { ...named, ...system })).erase([pass(id)], io()))[0]
    for (const system of [{}, { idsHoldDelimiters: true }]) {
      expect(await erase(system, 'u1')).toMatchObject({ outcome: 'failed', errorCode: 'ambiguous_key' })
      expect(await erase(system, 'u1:x')).toMatchObject({
        outcome: 'failed',
        errorCode: 'invalid_identifier',
      })
    }
    expect(await client.mget('a:u1', theirs, 'a:u10', 'a:u10:x')).not.toContain(null)
    await client.del(theirs)
    expect(await erase({ idsHoldDelimiters: true }, 'u1')).toMatchObject({ outcome: 'erased' })
    expect(await client.mget('a:u1', 'a:u10', 'a:u10:x')).toEqual([null, 'of u10', 'of u10'])
    // A map that says no id holds one, where one does: what the refusal above keeps from happening.
    await client.set(theirs, 'of u1:x')
    expect(await erase({ idsHoldDelimiters: false }, 'u1')).toMatchObject({ outcome: 'erased' })
    expect(await client.exists(theirs)).toBe(0)
  })

  it('reports an index set that is no set as terminal, and erases the others on their own', async () => {
    const { url, client } = await server()
    await client.set('tenant:acme:keys-of:u1', 'a text')
    await client.sadd('tenant:acme:keys-of:u2', 'loose')
    await client.set('loose', 'x')
    const erasing = await session(url, { sets: [{ set }] })
    const outcomes: (Outcome | string)[] = []
    for (const one of [pass('u1'), pass('u2')]) {
      const result = await erasing.erase([one], io()).catch((error: { code: string }) => [error.code])
      outcomes.push(...result)
    }
    expect(outcomes).toMatchObject(['wrong_type', { outcome: 'erased', counts: { [set]: counts(2) } }])
  })

  it.each([
    ['found by a search', { keys: [family] }, (user: string) => key(user, 'profile')],
    ['asked for by name', { keys: ['cart-of:{user_id}'] }, (user: string) => `cart-of:${user}`],
    ['an index set', { sets: [{ set }] }, (user: string) => `tenant:acme:keys-of:${user}`],
  ] as const)('fails only the person whose key its user may not touch: %s', async (_what, system, keyOf) => {
    const { url, client } = await server()
    const people = ['u1', 'u2', 'u3', 'u20']
    for (const user of people) {
      if ('sets' in system) await client.sadd(keyOf(user), 'loose')
      else await client.set(keyOf(user), 'x')
    }
    const allowed = people.filter((user) => user !== 'u2').map((user) => `~${keyOf(user)}`)
    await client.call('ACL', 'SETUSER', 'eraser', 'on', '>secret', '+@all', '~lethe:*', '~loose', ...allowed)
    const erasing = await session(url.replace('redis://', 'redis://eraser:secret@'), system)
    const passes = people.map((user) => pass(user))
    const outcomes = await erasing.erase(passes, io())
    expect(outcomes).toMatchObject([
      { outcome: 'erased' },
      { outcome: 'failed', errorCode: 'missing_rights', errorClass: 'terminal' },
      { outcome: 'erased' },
      { outcome: 'erased' },
    ])
    expect(await Promise.all(people.map((user) => client.exists(keyOf(user))))).toEqual([0, 1, 0, 0])
    expect(JSON.stringify(outcomes)).not.toContain('u2')
    // Only who succeeded has a receipt; with the right given, the same pass goes on.
    expect(await erasing.receipts?.read(passes)).toHaveLength(3)
    await client.call('ACL', 'SETUSER', 'eraser', `~${keyOf('u2')}`)
    const [again] = await erasing.erase(passes.slice(1, 2), io())
    expect(again).toMatchObject({ outcome: 'erased' })
    expect(await client.exists(keyOf('u2'))).toBe(0)
  })

  it('erases two people out of many keys with one search, never with KEYS or a pattern of an identifier', async () => {
    const { url, client } = await server()
    const pipeline = client.pipeline()
    for (let at = 0; at < 20_000; at++) pipeline.set(key(`u${at}`, 'profile'), 'x')
    await pipeline.exec()
    await client.call('CONFIG', 'RESETSTAT')
    const monitor = await client.monitor()
    const heard: string[][] = []
    monitor.on('monitor', (_time: string, args: string[]) => heard.push(args))
    open.push(async () => monitor.disconnect())
    const outcomes = await (await session(url)).erase([pass('u1'), pass('u10')], io())
    await expect.poll(() => heard.some(([command]) => command?.toLowerCase() === 'hset')).toBe(true)
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['erased', 'erased'])
    const searches = heard.filter(([command]) => /^(scan|keys)$/i.test(command ?? ''))
    expect(new Set(searches.map((args) => args[3]))).toEqual(new Set(['tenant:*']))
    expect(searches.filter((args) => args[1] === '0')).toHaveLength(1)
    expect(heard.some(([command]) => command?.toLowerCase() === 'keys')).toBe(false)
    expect(await client.dbsize()).toBe(20_000 - 2 + (await client.keys('lethe:*')).length)
  })

  it('finds a family the data map forgot: the probe says residual', async () => {
    const { url, client } = await server()
    await client.set('tenant:acme:wishlist:u1', 'x')
    await client.set('tenant:acme:wishlist:u10', 'x')
    const [finding, other] = await (await probe(url)).probe([pass('u1').subject, pass('u2').subject])
    expect(finding).toMatchObject({ result: 'residual', residual: { '(keys no template covers)': 1 } })
    expect(other).toMatchObject({ result: 'clean' })
  })
})
