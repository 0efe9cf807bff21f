// Says which rows and keys are Ada's and what a correct erasure leaves, in plain SQL: no project code,
// so that it cannot share a mistake with what it checks.
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import pg from 'pg'

export interface Person {
  readonly tenantId: string
  readonly userId: string
  readonly email: string
}

/** Primary key expression and the rows of a person, per table. */
const tables: Record<string, { readonly key: string; readonly mine: string }> = {
  users: { key: 'users.id', mine: 'users.id = person.id' },
  preferences: { key: 'user_id', mine: 'user_id = person.id' },
  sessions: { key: 'sessions.id::text', mine: 'user_id = person.id' },
  notifications: { key: 'notifications.id::text', mine: 'user_id = person.id' },
  activity_logs: { key: 'activity_logs.id::text', mine: 'user_id = person.id' },
  orders: { key: 'orders.id::text', mine: 'user_id = person.id' },
  order_items: { key: `order_id || '/' || line`, mine: 'false' },
  comments: { key: 'comments.id::text', mine: 'user_id = person.id' },
  newsletter: {
    key: `tenant_id || '/' || email`,
    mine: 'tenant_id = person.tenant AND email = person.address',
  },
}

export interface Footprint {
  /** Primary keys of the person's rows, per table. */
  readonly rows: Readonly<Record<string, readonly string[]>>
  readonly keys: readonly string[]
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function allKeys(redisUrl: string): Promise<string[]> {
  const redis = new Redis(redisUrl)
  try {
    const keys = new Set<string>()
    let cursor = '0'
    do {
      const [next, page] = await redis.scan(cursor, 'COUNT', 5_000)
      for (const key of page) keys.add(key)
      cursor = next
    } while (cursor !== '0')
    return [...keys].sort()
  } finally {
    redis.disconnect()
  }
}

/** Where the person is now. */
export async function footprint(pgUrl: string, redisUrl: string, person: Person): Promise<Footprint> {
  const rows = await withClient(pgUrl, async (client) => {
    const found: Record<string, string[]> = {}
    for (const [table, { key, mine }] of Object.entries(tables)) {
      const text = `SELECT ${key} AS key FROM ${table}, person WHERE ${mine} ORDER BY 1`
      const withPerson = 'WITH person (id, tenant, address) AS (VALUES ($1, $2, $3))'
      const result = await client.query(`${withPerson} ${text}`, [
        person.userId,
        person.tenantId,
        person.email,
      ])
      found[table] = result.rows.map((row) => row.key)
    }
    return found
  })
  const mine = new RegExp(
    `^tenant:${person.tenantId}:(user|session):${person.userId}:|^tenant:${person.tenantId}:cache:user:${person.userId}$`,
  )
  return { rows, keys: (await allKeys(redisUrl)).filter((key) => mine.test(key)) }
}

/** How many rows and keys a footprint has. */
export function sizeOf(found: Footprint): number {
  return Object.values(found.rows).reduce((sum, rows) => sum + rows.length, 0) + found.keys.length
}

/** One digest of everything in both stores except the rows and keys of `without`. */
export async function digestOfOthers(pgUrl: string, redisUrl: string, without: Footprint): Promise<string> {
  const hash = createHash('sha256')
  await withClient(pgUrl, async (client) => {
    for (const [table, { key }] of Object.entries(tables)) {
      const text = `SELECT md5(string_agg(${table}::text, E'\\n' ORDER BY ${key})) AS digest, count(*) AS n FROM ${table} WHERE NOT (${key} = ANY ($1))`
      const { rows } = await client.query(text, [without.rows[table] ?? []])
      hash.update(`${table} ${rows[0].n} ${rows[0].digest}\n`)
    }
  })
  const excluded = new Set(without.keys)
  const redis = new Redis(redisUrl)
  try {
    const keys = (await allKeys(redisUrl)).filter((key) => !excluded.has(key) && !key.startsWith('lethe:'))
    for (let start = 0; start < keys.length; start += 5_000) {
      const page = keys.slice(start, start + 5_000)
      // DUMP serialises every type of value; MGET would see hashes, lists and sets as nothing.
      const values = await redis.pipeline(page.map((key) => ['dumpBuffer', key])).exec()
      page.forEach((key, index) => {
        hash.update(`${key}=${(values?.[index]?.[1] as Buffer | null)?.toString('base64')}\n`)
      })
    }
  } finally {
    redis.disconnect()
  }
  return hash.digest('hex')
}

/** Rows of the tenant, per table, in which one of the values stands as a whole column value or inside JSON. */
export async function whereIs(
  pgUrl: string,
  tenantId: string,
  values: readonly string[],
): Promise<Record<string, number>> {
  return withClient(pgUrl, async (client) => {
    const found: Record<string, number> = {}
    for (const table of Object.keys(tables)) {
      const text = `SELECT count(*)::int AS n FROM ${table} t, LATERAL jsonb_each_text(to_jsonb(t)) AS c(name, value)
        WHERE coalesce(to_jsonb(t)->>'tenant_id', $2) = $2 AND (c.value = ANY ($1) OR EXISTS (SELECT 1 FROM unnest($1::text[]) v WHERE c.value LIKE '{%' AND position('"' || v || '"' IN c.value) > 0))`
      const { rows } = await client.query(text, [values, tenantId])
      found[table] = rows[0].n
    }
    return found
  })
}

/** One digest of every row of every table of the shop and of every key: nothing at all may have changed. */
export async function digestOfAll(pgUrl: string, redisUrl: string): Promise<string> {
  const hash = createHash('sha256')
  await withClient(pgUrl, async (client) => {
    const { rows: found } = await client.query<{ name: string }>(
      `SELECT format('%I', relname) AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    )
    for (const { name } of found) {
      const { rows } = await client.query(
        `SELECT count(*) AS n, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS digest FROM ${name} AS t`,
      )
      hash.update(`${name} ${rows[0].n} ${rows[0].digest}\n`)
    }
  })
  hash.update(await digestOfOthers(pgUrl, redisUrl, { rows: {}, keys: [] }))
  return hash.digest('hex')
}
