import { Redis } from 'ioredis'
import pg from 'pg'
import type { Person } from '../pipeline/load.js'
import { INDEX, keysOf } from '../pipeline/people.js'

/**
 * What a team writes first: per request the systems one after another, a look whether anything is left, and a row
 * that says so. One process, pooled connections, prepared statements, the same indexes.
 */
export class Sequential {
  private readonly shop: pg.Pool
  private readonly own: pg.Pool
  private readonly redis: Redis

  private constructor(
    shopUrl: string,
    ownUrl: string,
    redisUrl: string,
    private readonly searchUrl: string | null,
    connections: number,
  ) {
    this.shop = new pg.Pool({ connectionString: shopUrl, max: connections })
    this.own = new pg.Pool({ connectionString: ownUrl, max: connections })
    this.redis = new Redis(redisUrl)
    for (const pool of [this.shop, this.own]) pool.on('error', () => {})
  }

  static async open(at: {
    shopUrl: string
    ownUrl: string
    redisUrl: string
    searchUrl: string | null
    connections: number
  }): Promise<Sequential> {
    const peer = new Sequential(at.shopUrl, at.ownUrl, at.redisUrl, at.searchUrl, at.connections)
    await peer.own.query(
      `CREATE TABLE IF NOT EXISTS erasures (id bigserial PRIMARY KEY, tenant_id text NOT NULL, user_id text NOT NULL,
         received_at timestamptz NOT NULL DEFAULT now(), erased_at timestamptz, verified_at timestamptz)`,
    )
    return peer
  }

  async run(people: readonly Person[], concurrency: number): Promise<void> {
    let next = 0
    const worker = async () => {
      while (next < people.length) await this.erase(people[next++] as Person)
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  }

  async close(): Promise<void> {
    this.redis.disconnect()
    await Promise.all([this.shop.end(), this.own.end()])
  }

  private async erase(person: Person): Promise<void> {
    const { rows } = await this.own.query<{ id: string }>({
      name: 'receive',
      text: 'INSERT INTO erasures (tenant_id, user_id) VALUES ($1, $2) RETURNING id',
      values: [person.tenantId, person.userId],
    })
    const id = rows[0]?.id
    await this.redis.unlink(...keysOf(person))
    if (this.searchUrl) await this.search('_delete_by_query?refresh=true&conflicts=proceed', person)
    await this.database(person)
    await this.redis.unlink(...keysOf(person))
    await this.own.query({
      name: 'erased',
      text: 'UPDATE erasures SET erased_at = now() WHERE id = $1',
      values: [id],
    })
    if ((await this.left(person)) > 0) throw new Error('the sequential peer left something behind')
    await this.own.query({
      name: 'verified',
      text: 'UPDATE erasures SET verified_at = now() WHERE id = $1',
      values: [id],
    })
  }

  private async database({ tenantId, userId }: Person): Promise<void> {
    const client = await this.shop.connect()
    const values = [userId, tenantId]
    try {
      await client.query('BEGIN')
      await client.query({
        name: 's',
        text: 'DELETE FROM sessions WHERE user_id = $1 AND tenant_id = $2',
        values,
      })
      await client.query({
        name: 'o',
        text: `UPDATE orders SET user_id = NULL, shipping_address = '[erased]' WHERE user_id = $1 AND tenant_id = $2`,
        values,
      })
      await client.query({ name: 'u', text: 'DELETE FROM users WHERE id = $1 AND tenant_id = $2', values })
      await client.query('COMMIT')
    } finally {
      client.release()
    }
  }

  private async left(person: Person): Promise<number> {
    const keys = await this.redis.exists(...keysOf(person))
    const { rows } = await this.shop.query<{ n: number }>({
      name: 'left',
      text: `SELECT ((SELECT count(*) FROM users WHERE id = $1 AND tenant_id = $2)
               + (SELECT count(*) FROM sessions WHERE user_id = $1 AND tenant_id = $2)
               + (SELECT count(*) FROM orders WHERE user_id = $1 AND tenant_id = $2))::int AS n`,
      values: [person.userId, person.tenantId],
    })
    const documents = this.searchUrl ? await this.search('_count', person) : 0
    return keys + (rows[0]?.n ?? 0) + documents
  }

  private async search(action: string, { userId, tenantId }: Person): Promise<number> {
    const filter = [{ term: { user_id: userId } }, { term: { tenant_id: tenantId } }]
    const answer = await fetch(`${this.searchUrl}/${INDEX}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: { bool: { filter } } }),
    })
    if (!answer.ok) throw new Error(`${action}: HTTP ${answer.status}`)
    const { count } = (await answer.json()) as { count?: number }
    return count ?? 0
  }
}
