import { topics } from '@lethe/schemas'
import { beforeAll, describe, expect, it } from 'vitest'
import { endpoints } from '../../../infra/src/endpoints.js'
import { MessageCodec } from './codec.js'
import { requested } from './kafka-harness.spec.js'

const { registryUrl } = endpoints()
let codec: MessageCodec

beforeAll(async () => {
  codec = await MessageCodec.connect(registryUrl, { register: true })
})

describe('MessageCodec', () => {
  it('registers every message of every topic under FULL_TRANSITIVE', async () => {
    for (const [topic, { messages }] of Object.entries(topics))
      for (const name of messages) {
        const answer = await fetch(`${registryUrl}/config/${topic}-${name}`)
        expect(await answer.json()).toMatchObject({ compatibilityLevel: 'FULL_TRANSITIVE' })
      }
  })

  it('reads what it wrote, also from another process that only looked ids up', async () => {
    const bytes = codec.encode('erasure.requested', 'ErasureRequested', requested('r1'))
    const other = await MessageCodec.connect(registryUrl, { register: false, topics: ['erasure.status'] })
    expect(other.decodeCached(bytes)).toBeUndefined()
    const decoded = await other.decode(bytes)
    expect(decoded.type).toBe('ErasureRequested')
    expect(JSON.parse(JSON.stringify(decoded.value))).toEqual(requested('r1'))
    expect(other.decodeCached(bytes)).toBeDefined()
  })

  it('names the fields that do not fit and never their values', () => {
    const wrong = { ...requested('r1'), mapVersion: 'u1@example.org' }
    const encode = () => codec.encode('erasure.requested', 'ErasureRequested', wrong)
    expect(encode).toThrow(
      expect.objectContaining({ code: 'unencodable', message: expect.stringContaining('mapVersion') }),
    )
    expect(encode).not.toThrow(expect.objectContaining({ message: expect.stringContaining('example.org') }))
    expect(() => codec.encode('erasure.status', 'ErasureRequested', requested('r1'))).toThrow(
      expect.objectContaining({ code: 'schema_unknown' }),
    )
  })

  it('refuses every cut, an unknown id and a wrong first byte as terminal', async () => {
    const bytes = codec.encode('erasure.requested', 'ErasureRequested', requested('r1'))
    for (let length = 0; length < bytes.length; length++)
      await expect(codec.decode(bytes.subarray(0, length))).rejects.toMatchObject({ errorClass: 'terminal' })
    const magic = Buffer.from(bytes)
    magic[0] = 1
    await expect(codec.decode(magic)).rejects.toMatchObject({ code: 'undecodable' })
    const unknown = Buffer.from(bytes)
    unknown.writeInt32BE(2_000_000_001, 1)
    await expect(codec.decode(unknown)).rejects.toMatchObject({
      code: 'schema_unknown',
      errorClass: 'terminal',
    })
    await expect(codec.decode(unknown)).rejects.toMatchObject({ code: 'schema_unknown' })
    await expect(codec.decode(null)).rejects.toMatchObject({ code: 'undecodable' })
  })

  it('tells an unreachable registry from an unknown schema', async () => {
    const away = { code: 'registry_unavailable', errorClass: 'retryable' }
    for (const register of [true, false])
      await expect(
        MessageCodec.connect('http://127.0.0.1:1', { register, topics: ['erasure.status'], retries: 1 }),
      ).rejects.toMatchObject(away)
    const cut = Object.assign(Object.create(MessageCodec.prototype), codec, {
      readers: new Map(),
      registry: { getSchema: async () => Promise.reject(Object.assign(new Error('503'), { status: 503 })) },
    }) as MessageCodec
    const bytes = codec.encode('erasure.requested', 'ErasureRequested', requested('r1'))
    await expect(cut.decode(bytes)).rejects.toMatchObject(away)
  })
})
