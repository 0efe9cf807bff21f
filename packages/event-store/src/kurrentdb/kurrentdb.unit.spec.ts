import { UnavailableError } from '@eventstore/db-client'
import { describe, expect, it } from 'vitest'
import { eventStoreContract } from '../contract/index.js'
import { isUnavailable } from '../unavailable.js'
import { KurrentEventStore } from './index.js'
import { kurrentStandIn } from './kurrent-stand-in.spec.js'
import { readPosition } from './positions.js'

eventStoreContract('a stand-in for KurrentDB', async () => new KurrentEventStore(kurrentStandIn()))

describe('the KurrentDB adapter', () => {
  it('pages past what others keep in the same server', async () => {
    const client = kurrentStandIn()
    const store = new KurrentEventStore(client)
    const others = new KurrentEventStore(client, { prefix: 'others-' })
    const write = (to: KurrentEventStore, at: number) =>
      to.append([{ streamId: 's', expectedVersion: at, events: [{ type: 'Written', data: { at } }] }])
    await write(store, 0)
    for (let at = 0; at < 1_200; at++) await write(others, at)
    await write(store, 1)
    const first = await store.readAll({ limit: 1 })
    expect(first).toMatchObject({ end: false, events: [{ streamId: 's', version: 1 }] })
    const second = await store.readAll({ after: first.next, limit: 10 })
    expect(second).toMatchObject({ end: true, events: [{ streamId: 's', version: 2 }] })
  })

  it('refuses more than one stream, other stores’ positions and a prefix of the server’s own', async () => {
    const store = new KurrentEventStore(kurrentStandIn())
    const one = (streamId: string) => ({ streamId, expectedVersion: 0, events: [{ type: 'T', data: {} }] })
    await expect(store.append([one('a'), one('b')])).rejects.toThrow('one stream at a time')
    expect(() => readPosition('17')).toThrow('not given by KurrentDB')
    expect(() => new KurrentEventStore(kurrentStandIn(), { prefix: '$' })).toThrow('starts with a letter')
  })

  it('says of a server that is away that the work may wait', async () => {
    const away = async () => {
      throw new UnavailableError()
    }
    const store = new KurrentEventStore({ ...kurrentStandIn(), appendToStream: away as never })
    const append = { streamId: 'a', expectedVersion: 0, events: [{ type: 'T', data: {} }] }
    const error = await store.append([append]).catch((thrown: unknown) => thrown)
    expect(isUnavailable(error)).toBe(true)
  })
})
