import { Redis } from 'ioredis'
import pg from 'pg'
import type { Person } from './load.js'

/**
 * The people that are erased: per person three rows of PostgreSQL in as many tables (one is redacted), two keys
 * of Redis and two documents of Elasticsearch. All stores hold the same people, whoever erases them.
 */
export const tenantId = 'acme'
export const personAt = (n: number): Person => ({ tenantId, userId: `u${n}` })
export const peopleFrom = (from: number, count: number): Person[] =>
  Array.from({ length: count }, (_, index) => personAt(from + index))

export const keysOf = ({ tenantId: tenant, userId }: Person): string[] => [
  `tenant:${tenant}:user:${userId}:profile`,
  `tenant:${tenant}:user:${userId}:cart`,
]
export const INDEX = `${tenantId}_people`

export const SCHEMA = `
  CREATE TABLE users (id text PRIMARY KEY, tenant_id text NOT NULL, email text NOT NULL, name text NOT NULL,
    created_at timestamptz NOT NULL);
  CREATE TABLE sessions (id bigserial PRIMARY KEY, user_id text NOT NULL, tenant_id text NOT NULL, ip text NOT NULL);
  CREATE TABLE orders (id bigserial PRIMARY KEY, user_id text, tenant_id text NOT NULL, shipping_address text NOT NULL,
    total_cents integer NOT NULL);
  CREATE INDEX ON users (tenant_id, email);
  CREATE INDEX ON sessions (user_id);
  CREATE INDEX ON orders (user_id);`

/** Adds the people `from` up to `from + count - 1` to a database that has the tables. */
export async function addRows(client: pg.ClientBase, from: number, count: number): Promise<void> {
  const to = from + count - 1
  await client.query(`
    INSERT INTO users SELECT 'u' || n, '${tenantId}', 'user' || n || '@example.com', 'Name ' || n, '2024-01-01'
      FROM generate_series(${from}, ${to}) n;
    INSERT INTO sessions (user_id, tenant_id, ip) SELECT 'u' || n, '${tenantId}', '192.0.2.1'
      FROM generate_series(${from}, ${to}) n;
    INSERT INTO orders (user_id, tenant_id, shipping_address, total_cents)
      SELECT 'u' || n, '${tenantId}', n || ' High Street', 1200 FROM generate_series(${from}, ${to}) n;
    ANALYZE`)
}

export async function addKeys(redis: Redis, from: number, count: number): Promise<void> {
  for (let start = from; start < from + count; start += 5_000) {
    const pipeline = redis.pipeline()
    for (const person of peopleFrom(start, Math.min(5_000, from + count - start)))
      for (const key of keysOf(person)) pipeline.set(key, '{"theme":"dark"}')
    await pipeline.exec()
  }
}

/** Creates the index when it is not there, and adds two documents per person. */
export async function addDocuments(url: string, from: number, count: number): Promise<void> {
  const exists = await fetch(`${url}/${INDEX}`, { method: 'HEAD' })
  if (!exists.ok)
    await call('PUT', `${url}/${INDEX}`, {
      settings: { number_of_shards: 1, number_of_replicas: 0 },
      mappings: {
        properties: { user_id: { type: 'keyword' }, tenant_id: { type: 'keyword' }, text: { type: 'text' } },
      },
    })
  for (let start = from; start < from + count; start += 2_000) {
    const lines = peopleFrom(start, Math.min(2_000, from + count - start)).flatMap((person) =>
      ['profile', 'review'].flatMap((text) => [
        JSON.stringify({ index: {} }),
        JSON.stringify({ user_id: person.userId, tenant_id: person.tenantId, text }),
      ]),
    )
    await call('POST', `${url}/${INDEX}/_bulk`, `${lines.join('\n')}\n`)
  }
  await call('POST', `${url}/${INDEX}/_refresh`)
}

async function call(method: string, url: string, body?: object | string): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': typeof body === 'string' ? 'application/x-ndjson' : 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: HTTP ${answer.status}`)
  return answer.json()
}

const DOMAIN = `
version: 1
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:`

const POSTGRES = `
  shop-pg:
    kind: postgres
    connection: SHOP_PG
    resolves: { user_id: users.id, email: users.email }
    ceiling: 5000
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: sessions, by: user_id, method: delete, category: indirect, basis: contract }
      - { table: orders, by: user_id, method: redact, set: { user_id: null, shipping_address: '[erased]' }, category: direct, basis: contract }
      - { table: users, by: id, method: delete, category: direct, basis: contract, createdAt: created_at }`

const REDIS = `
  cache:
    kind: redis
    connection: SHOP_REDIS
    keys: ['tenant:{tenant}:user:{user_id}:profile', 'tenant:{tenant}:user:{user_id}:cart']
    derivedFrom: [shop-pg]
    settle: PT1S
    ceiling: 1000
    backups: [{ name: rdb, keep: P7D }]`

const SEARCH = `
  search:
    kind: elasticsearch
    connection: SHOP_SEARCH
    after: [cache]
    indices: [{ name: '{tenant}_people', by: user_id, method: delete }]
    backups: [{ name: snapshots, keep: P7D }]`

export const storesMap = (search: boolean): string => DOMAIN + POSTGRES + REDIS + (search ? SEARCH : '')

/** Three systems that wait for nobody and hold nothing. */
export const noopMap = (systems: readonly string[]): string =>
  DOMAIN +
  systems
    .map(
      (systemId) => `
  ${systemId}:
    kind: redis
    connection: NOTHING
    keys: ['tenant:{tenant}:user:{user_id}:profile']
    backups: [{ name: none, keep: P1D }]`,
    )
    .join('')
