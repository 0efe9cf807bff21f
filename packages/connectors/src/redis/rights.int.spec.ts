import { randomUUID } from 'node:crypto'
import type { EraseIo, Pass } from '@lethe/eraser-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisSystem } from './grammar.js'
import { redis } from './index.js'
import { type PrivateRedis, startRedis } from './private-redis.spec.js'

const system = redisSystem.parse({
  keys: ['tenant:{tenant}:user:{user_id}:*', 'odd<{user_id}>'],
  sets: [{ set: 'tenant:{tenant}:keys-of:{user_id}', key: 'session:{member}' }],
})
let server: PrivateRedis
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())

const contextAs = (user: string) => ({
  systemId: 'cache',
  options: redis.options.parse(server.url.replace('redis://', `redis://${user}:secret@`).concat('/1')),
  system,
  tenant: { column: 'tenant_id' },
  canonical: 'user_id' as const,
  ceiling: null,
})
const passOf = (): Pass => ({
  requestId: randomUUID(),
  systemId: 'cache',
  stepId: 'cache#1',
  passId: 'cache#1/initial',
  attempt: 1,
  subject: {
    subjectRef: 's',
    tenantId: 'acme',
    identifiers: [{ type: 'user_id', value: 'u1' }],
    receivedAt: 0,
  },
  grant: { grantId: 'g', expiresAt: Date.now() + 30_000 },
  ceilingWaived: false,
})
const io: EraseIo = {
  signal: new AbortController().signal,
  now: Date.now,
  receipt: ({ requestId, passId }, outcome) => ({ requestId, passId, body: JSON.stringify(outcome) }),
}

async function seed(): Promise<void> {
  await server.client.select(1)
  await server.client.flushdb()
  for (const [name, value] of [
    ['tenant:acme:user:u1:x', '1'],
    ['odd<u1>', '1'],
    ['session:s1', '1'],
    ['other', '1'],
  ] as const)
    await server.client.set(name, value)
  await server.client.sadd('tenant:acme:keys-of:u1', 's1')
}

/** Everything an eraser does with its user; true when all of it worked. */
async function erases(): Promise<boolean> {
  await seed()
  const pass = passOf()
  try {
    const session = await redis.open(contextAs('eraser'))
    try {
      const [outcome] = await session.erase([pass], io)
      await session.receipts?.marker()
      const kept = await session.receipts?.read([pass])
      await session.receipts?.prune(new Date(0))
      return outcome?.outcome === 'erased' && kept?.length === 1
    } finally {
      await session.close()
    }
  } catch {
    return false
  }
}

async function probes(): Promise<string> {
  try {
    const preview = await redis.open(contextAs('probe'))
    const [held] = await preview.preview([passOf().subject]).finally(() => preview.close())
    const session = await redis.openProbe(contextAs('probe'))
    const [finding] = await session.probe([passOf().subject]).finally(() => session.close())
    const found = Object.values(held ?? {}).reduce((sum, one) => sum + one.found, 0)
    return `${finding?.result} ${found}`
  } catch {
    return 'refused'
  }
}

async function grants() {
  const session = await redis.open({
    ...contextAs('eraser'),
    options: redis.options.parse(`${server.url}/1`),
  })
  try {
    return (await session.describe()).grants
  } finally {
    await session.close()
  }
}

/** The printed rule as it is run, with a password, without one of its words. */
async function apply(rule: string, without?: string): Promise<void> {
  const [user = '', ...words] = rule.replace('ACL SETUSER ', '').split(' ')
  const kept = words.filter((word) => word !== without)
  await server.client.call('ACL', 'SETUSER', user, 'reset', 'on', '>secret', ...kept)
}

describe('the rights that map check prints for Redis', () => {
  it('are enough for both users, and none can be spared', async () => {
    const { erase: [eraser = ''] = [], probe: [prober = ''] = [] } = (await grants()) ?? {}
    expect(eraser).toContain('~tenant:*:user:*:* ~odd<*> ~tenant:*:keys-of:* ~session:* ~lethe:cache:* -@all')
    await apply(eraser)
    await apply(prober)
    expect(await erases()).toBe(true)
    expect(await probes()).toBe('clean 0')
    await seed()
    expect(await probes()).toBe('residual 4')
    const spared: string[] = []
    for (const word of eraser.split(' ').filter((one) => /^[+~]/.test(one))) {
      await apply(eraser, word)
      if (await erases()) spared.push(word)
    }
    await apply(eraser)
    for (const word of prober.split(' ').filter((one) => /^[+%]/.test(one))) {
      await seed()
      await apply(prober, word)
      if ((await probes()) === 'residual 4') spared.push(`probe ${word}`)
    }
    expect(spared).toEqual([])
  })
})
