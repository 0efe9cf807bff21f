import { EventEmitter } from 'node:events'
import type { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { Turns } from './turns.js'

/** Ends as one of pg's does: the statement under way rejects, and the connection tells so as an event as well. */
class EndingConnection extends EventEmitter {
  readonly released: unknown[] = []
  /** What nobody listens for ends the process. */
  unheard = 0

  constructor(private readonly endsAt: string) {
    super()
  }

  async query(text: string) {
    if (!text.includes(this.endsAt)) return { rows: [{ mine: true }] }
    const error = new Error('Connection terminated unexpectedly')
    if (this.listenerCount('error') === 0) this.unheard += 1
    else this.emit('error', error)
    throw error
  }

  release(destroy: unknown): void {
    this.released.push(destroy)
  }
}

const taken = (client: EndingConnection, work: () => Promise<void>) =>
  new Turns({ connect: async () => client } as unknown as Pool).take('shop', work)

describe('the turn on a system', () => {
  it('is given back with a connection that ends just then, which is used no more and ends nobody else', async () => {
    const client = new EndingConnection('pg_advisory_unlock')
    expect(await taken(client, async () => undefined)).toBe(true)
    expect(client).toMatchObject({ released: [true], unheard: 0 })
  })

  it('is not taken over a connection that ends while it asks', async () => {
    const client = new EndingConnection('pg_try_advisory_lock')
    await expect(taken(client, async () => undefined)).rejects.toThrow('terminated')
    expect(client).toMatchObject({ released: [true], unheard: 0 })
  })
})
