// Looks into the stores around Lethe, with plain SQL, SCAN and the search API: no project code, so that it
// can not share a mistake with what it checks.
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import pg from 'pg'

export interface StoreAddresses {
  readonly shopPg: string
  readonly redis: string
  readonly search: string
}

type Place = 'shop-pg' | 'cache' | 'search'

/** Where a customer of `acme` is: by id and by address in every table, key and document. */
export async function sight(at: StoreAddresses, customer: number): Promise<Record<Place, number>> {
  const all = await sightAll(at, [customer])
  return all.get(customer) ?? { 'shop-pg': 0, cache: 0, search: 0 }
}

/** The same for many at once; one pass over each store. */
export async function sightAll(
  at: StoreAddresses,
  customers: readonly number[],
): Promise<Map<number, Record<Place, number>>> {
  const found = new Map(customers.map((n) => [n, { 'shop-pg': 0, cache: 0, search: 0 }]))
  const add = (n: number, place: Place, count: number) => {
    const one = found.get(n)
    if (one) one[place] += count
  }
  await withClient(at.shopPg, async (client) => {
    const ids = customers.map((n) => `u${n}`)
    const addresses = customers.map((n) => `customer${n}@example.com`)
    for (const text of rowsOf) {
      const { rows } = await client.query(text, text.includes('$2') ? [ids, addresses] : [ids])
      for (const row of rows) add(Number(/(\d+)/.exec(row.who)?.[1]), 'shop-pg', Number(row.n))
    }
  })
  if (customers.length > 20) for (const key of await allKeys(at.redis)) add(ownerOf(key), 'cache', 1)
  else for (const n of customers) add(n, 'cache', await keysOf(at.redis, n))
  for (let from = 0; from < customers.length; from += 500) {
    const some = customers.slice(from, from + 500).map((n) => `u${n}`)
    for (const [id, n] of await documentsOf(at.search, some)) add(Number(id.slice(1)), 'search', n)
  }
  return found
}

const byUser = (table: string, column = 'user_id') =>
  `SELECT ${column} AS who, count(*) AS n FROM ${table} WHERE tenant_id = 'acme' AND ${column} = ANY ($1) GROUP BY 1`
const rowsOf = [
  byUser('users', 'id'),
  ...['preferences', 'sessions', 'notifications', 'activity_logs', 'orders', 'comments'].map((table) =>
    byUser(table),
  ),
  `SELECT email AS who, count(*) AS n FROM newsletter WHERE tenant_id = 'acme' AND email = ANY ($2) AND cardinality($1::text[]) > 0 GROUP BY 1`,
  `SELECT properties->>'email' AS who, count(*) AS n FROM activity_logs WHERE tenant_id = 'acme' AND properties->>'email' = ANY ($2) AND user_id IS NULL AND cardinality($1::text[]) > 0 GROUP BY 1`,
  `SELECT customer_email AS who, count(*) AS n FROM orders WHERE tenant_id = 'acme' AND customer_email = ANY ($2) AND user_id IS NULL AND cardinality($1::text[]) > 0 GROUP BY 1`,
]

const KEY = /^tenant:acme:(?:user|session):u(\d+):|^tenant:acme:cache:user:u(\d+)$/
const ownerOf = (key: string): number => {
  const [, one, other] = KEY.exec(key) ?? []
  return Number(one ?? other ?? Number.NaN)
}

async function keysOf(url: string, customer: number): Promise<number> {
  return withRedis(url, (redis) => {
    const names = ['profile', 'cart', 'settings'].map((name) => `tenant:acme:user:u${customer}:${name}`)
    return redis.exists(
      ...names,
      `tenant:acme:session:u${customer}:web`,
      `tenant:acme:cache:user:u${customer}`,
    )
  })
}

async function allKeys(url: string): Promise<string[]> {
  return withRedis(url, async (redis) => {
    const keys = new Set<string>()
    let cursor = '0'
    do {
      const [next, page] = await redis.scan(cursor, 'COUNT', 5_000)
      for (const key of page) keys.add(key)
      cursor = next
    } while (cursor !== '0')
    return [...keys].sort()
  })
}

async function documentsOf(url: string, ids: readonly string[]): Promise<Map<string, number>> {
  const index = 'acme_users,acme_orders'
  await search(`${url}/${index}/_refresh`, null)
  const answer = (await search(`${url}/${index}/_search`, {
    size: 0,
    query: { terms: { user_id: ids } },
    aggs: { who: { terms: { field: 'user_id', size: ids.length } } },
  })) as { aggregations: { who: { buckets: { key: string; doc_count: number }[] } } }
  return new Map(answer.aggregations.who.buckets.map(({ key, doc_count }) => [key, doc_count]))
}

/** Tables with their key and who a row belongs to; redacted rows belong to nobody any more. */
const tables: readonly (readonly [table: string, key: string, owner: string])[] = [
  ['users', 'id', 'id'],
  ['preferences', 'user_id', 'user_id'],
  ['sessions', 'id::text', 'user_id'],
  ['notifications', 'id::text', 'user_id'],
  ['activity_logs', 'id::text', 'user_id'],
  ['orders', 'id::text', 'user_id'],
  ['comments', 'id::text', 'user_id'],
  ['newsletter', 'email', "coalesce('u' || substring(email FROM '^customer(\\d+)@'), email)"],
]

/** One digest over every record of everybody who was never asked for, and how many there are. */
export async function digestOfOthers(
  at: StoreAddresses,
  isAskedFor: (customer: number) => boolean,
  customers: number,
): Promise<{ digest: string; records: number }> {
  const hash = createHash('sha256')
  let records = 0
  const asked = Array.from({ length: customers }, (_, n) => n + 1).filter(isAskedFor)
  const ids = asked.map((n) => `u${n}`)
  await withClient(at.shopPg, async (client) => {
    for (const [table, key, owner] of tables) {
      const { rows } = await client.query(
        `SELECT md5(string_agg(t::text, E'\\n' ORDER BY ${key})) AS digest, count(*)::int AS n FROM ${table} t
         WHERE ${owner} IS NOT NULL AND NOT EXISTS (SELECT FROM unnest($1::text[]) AS asked (id) WHERE asked.id = ${owner} AND t.tenant_id = 'acme')`,
        [ids],
      )
      hash.update(`${table} ${rows[0].n} ${rows[0].digest}\n`)
      records += rows[0].n
    }
    const { rows } = await client.query(
      "SELECT md5(string_agg(t::text, E'\\n' ORDER BY order_id, line)) AS digest, count(*)::int AS n FROM order_items t",
    )
    hash.update(`order_items ${rows[0].n} ${rows[0].digest}\n`)
    records += rows[0].n
  })
  const keys = (await allKeys(at.redis)).filter(
    (key) => !key.startsWith('lethe:') && !(KEY.test(key) && isAskedFor(ownerOf(key))),
  )
  records += keys.length
  await withRedis(at.redis, async (redis) => {
    for (let from = 0; from < keys.length; from += 5_000) {
      const page = keys.slice(from, from + 5_000)
      const values = await redis.pipeline(page.map((key) => ['dumpBuffer', key])).exec()
      page.forEach((key, index) => {
        hash.update(`${key}=${(values?.[index]?.[1] as Buffer | null)?.toString('base64')}\n`)
      })
    }
  })
  records += await searchDigest(at.search, (id) => isAskedFor(Number(/^u(\d+)$/.exec(id)?.[1])), hash)
  return { digest: hash.digest('hex'), records }
}

async function searchDigest(
  url: string,
  isAskedFor: (id: string) => boolean,
  hash: { update(text: string): unknown },
): Promise<number> {
  let records = 0
  for (const index of ['acme_users', 'acme_orders', 'globex_users', 'globex_orders']) {
    const lines: string[] = []
    await search(`${url}/${index}/_refresh`, null)
    let page = (await search(`${url}/${index}/_search?scroll=2m`, { size: 5_000 })) as Page
    while (page.hits.hits.length > 0) {
      // A redacted document belongs to nobody any more.
      for (const { _id, _source } of page.hits.hits)
        if (_source.user_id !== null && !(index.startsWith('acme') && isAskedFor(_source.user_id)))
          lines.push(`${_id} ${JSON.stringify(_source, Object.keys(_source).sort())}`)
      page = (await search(`${url}/_search/scroll`, { scroll: '2m', scroll_id: page._scroll_id })) as Page
    }
    hash.update(`${index}\n${lines.sort().join('\n')}\n`)
    records += lines.length
  }
  return records
}

interface Page {
  readonly _scroll_id: string
  readonly hits: { readonly hits: readonly { _id: string; _source: { user_id: string | null } }[] }
}

async function search(url: string, body: object | null): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(30_000),
  })
  const answer: unknown = await response.json()
  if (!response.ok)
    throw new Error(`the search server answered HTTP ${response.status} to ${new URL(url).pathname}`)
  return answer
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  // A server that is killed tells the connection so; the query in progress rejects, which is enough.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null, lazyConnect: true })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}
