import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { HmacLanes, LONGEST, MOST_KEYS, ROOM } from './hmac-lanes.js'

describe('four messages at once', () => {
  it('are digested as Node does it: every length, every key', () => {
    const secrets = ['short', 'k'.repeat(64), 'k'.repeat(65), randomBytes(100).toString('hex')]
    const messages = Array.from({ length: 3 * (LONGEST + 1) }, (_, n) => randomBytes(n % (LONGEST + 1)))
    const told = new Set<string>()
    const wrong: unknown[] = []
    const lanes = HmacLanes.open(secrets, (tag, key, lane, one, two) => {
      const digest = createHmac('sha256', secrets[key] ?? '')
        .update(messages[tag] ?? '')
        .digest()
      told.add(`${tag} ${key}`)
      const isRight = digest.readUInt32BE(0) === one && digest.readUInt32BE(4) === two
      if (!isRight || !lanes?.digest(lane).equals(digest)) wrong.push({ tag, key })
    })
    const room = new Uint8Array(ROOM)
    messages.forEach((message, tag) => {
      room.fill(0xff)
      room.set(message)
      lanes?.add(room, message.length, tag)
    })
    lanes?.flush()
    expect(wrong).toEqual([])
    expect(told.size).toBe(messages.length * secrets.length)
  })

  it('are the same where they begin with what others began with', () => {
    const heads = [0, 1, 3, 4, 19, 63, 64, 90].map((length) => ({ bytes: randomBytes(length) }))
    const messages = Array.from({ length: 4_000 }, (_, n) => {
      const head = n % 7 === 0 ? null : heads[randomInt(heads.length)]
      const rest = randomBytes(randomInt(LONGEST + 1 - (head?.bytes.length ?? 0)) % 40)
      return { head: head ?? null, bytes: Buffer.concat([head?.bytes ?? Buffer.alloc(0), rest]) }
    })
    const right: number[] = []
    const lanes = HmacLanes.open(['key'], (tag, _key, lane) => {
      const digest = createHmac('sha256', 'key')
        .update(messages[tag]?.bytes ?? '')
        .digest()
      if (lanes?.digest(lane).equals(digest)) right.push(tag)
    })
    const room = new Uint8Array(ROOM)
    messages.forEach(({ head, bytes }, tag) => {
      room.set(bytes)
      lanes?.add(room, bytes.length, tag, head)
    })
    lanes?.flush()
    expect(right.length).toBe(messages.length)
  })

  it('have room for so many keys, and are left to Node beyond that', () => {
    const secrets = Array.from({ length: MOST_KEYS }, (_, n) => `key ${n}`)
    const told: number[] = []
    const lanes = HmacLanes.open(secrets, (_tag, key) => told.push(key))
    lanes?.add(new Uint8Array(ROOM), 3, 0)
    lanes?.flush()
    expect(told).toHaveLength(MOST_KEYS)
    expect(HmacLanes.open([...secrets, 'one more'], () => undefined)).toBeNull()
  })
})
