import type { OpenContext, RestoreSession } from '@lethe/eraser-kit'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { redisSystem } from './grammar.js'
import { type RedisSystem, redis } from './index.js'
import type { RedisOptions } from './options.js'
import { type PrivateRedis, startRedis } from './private-redis.spec.js'

let server: PrivateRedis
let session: RestoreSession
const as = (user: string) => server.url.replace('//', `//${user}:secret@`)
const context = (url: string): OpenContext<RedisOptions, RedisSystem> => ({
  systemId: 'cache',
  options: { url },
  system: redisSystem.parse({ keys: ['user:{user_id}:*'] }),
  tenant: { none: true },
  canonical: 'user_id',
})
const asApplication = async (): Promise<string> => {
  const client = new Redis(as('app'), {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.ping()
  } catch (error) {
    return (error as Error).message
  } finally {
    client.disconnect()
  }
}

beforeEach(async () => {
  server = await startRedis()
  for (const user of ['app', 'replay', 'away'])
    await server.client.call(
      'ACL',
      'SETUSER',
      user,
      user === 'away' ? 'off' : 'on',
      '>secret',
      '~*',
      '&*',
      '+@all',
    )
  session = (await redis.openRestore?.(context(as('replay')))) as RestoreSession
})
afterEach(async () => {
  await session.close()
  await server.stop()
})

describe('the marker of a Redis', () => {
  it('is replaced by compare-and-set and comes back old with an old snapshot', async () => {
    expect(await session.marker.read()).toEqual({ found: null, receipts: 0 })
    expect(await session.marker.replace('wrong', 'one')).toBe(false)
    expect(await session.marker.replace(null, 'one')).toBe(true)
    const old = await server.client.dumpBuffer('lethe:cache:marker')
    expect(await session.marker.replace('one', 'two')).toBe(true)
    expect(await session.marker.replace('one', 'three')).toBe(false)
    await server.client.restore('lethe:cache:marker', 0, old, 'REPLACE')
    expect(await session.marker.read()).toEqual({ found: 'one', receipts: 0 })
  })
})

describe('the gate of a Redis', () => {
  it('keeps every other user out, ends who was inside, and lets the same ones in again', async () => {
    const inside = new Redis(as('app'), { retryStrategy: () => null })
    inside.on('error', () => undefined)
    await inside.ping()
    const ended = new Promise((resolve) => inside.once('end', resolve))
    expect(await session.gate.state()).toBe('open')
    const admitted = await session.gate.admitted()
    expect([...admitted].sort()).toEqual(['app', 'default'])
    const { strength, sessionsEnded } = await session.gate.shut()
    expect(strength).toBe('enforced')
    // The spec's own client, as user default, is one of those that are ended.
    expect(sessionsEnded).toBeGreaterThanOrEqual(2)
    await ended
    expect(await session.gate.state()).toBe('shut')
    expect(await asApplication()).toMatch(/WRONGPASS|disabled|closed/)
    expect(await session.marker.read()).toEqual({ found: null, receipts: 0 })
    expect((await session.gate.shut()).strength).toBe('enforced')
    await session.gate.open(admitted)
    expect(await session.gate.state()).toBe('open')
    expect(await asApplication()).toBe('PONG')
    const list = (await server.client.call('ACL', 'LIST')) as string[]
    expect(list.find((line) => line.startsWith('user away '))).toContain(' off ')
  })

  it('says that it is open when the server forgot', async () => {
    await session.gate.shut()
    const admin = await redis.openRestore?.(context(as('replay')))
    await admin?.close()
    const back = new Redis(as('replay'))
    await back.call('ACL', 'SETUSER', 'app', 'on')
    expect(await session.gate.state()).toBe('open')
    back.disconnect()
    await session.gate.open(['app', 'default'])
  })

  it('is only advice where everybody is the same user', async () => {
    const nobody = (await redis.openRestore?.(context(server.url))) as RestoreSession
    expect(await nobody.gate.shut()).toEqual({ strength: 'advisory', sessionsEnded: 0 })
    await nobody.close()
  })
})
