import { LetheClient as Client, type LetheClient } from '@lethe/client'
import { openContext, withClient } from '@lethe/infra'
import { Chain } from '../harness/chain.js'
import { credentialsWith } from '../harness/credentials.js'
import { withRedis } from '../harness/stores.js'
import { footprint, type Person } from '../shop/oracle.js'
import { keysOf } from '../shop/seed.js'

/** Rows and keys one pass may touch; an ordinary customer has 12 rows and 5 keys. */
export const ceilings = { 'shop-pg': 40, cache: 8 } as const

const tokens = { second: 'second-officer-token', globex: 'globex-officer-token' }

/** Invoices must have a customer: whoever goes is replaced by one shared row. */
const invoices = `
  CREATE TABLE invoices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id text NOT NULL,
    customer_id text NOT NULL REFERENCES users (id), total_cents integer NOT NULL);
  CREATE INDEX ON invoices (customer_id);
  INSERT INTO invoices (tenant_id, customer_id, total_cents) SELECT tenant_id, id, 500 FROM users;`

const withCeilings = (yaml: string): string =>
  yaml
    .replace('ceiling: 5000', `ceiling: ${ceilings['shop-pg']}`)
    .replace('ceiling: 1000', `ceiling: ${ceilings.cache}`)
    .replace(
      'author_name: Deleted User }',
      `author_name: Deleted User }, mentions: { column: body, as: '@deleted' }`,
    )
    .replace(
      '      - { table: users,',
      `      - { table: invoices, by: customer_id, method: detach, to: deleted-row }\n      - { table: users,`,
    )

export interface CeilingStand {
  readonly chain: Chain
  /** Requests; approves nothing of their own. */
  readonly officer: LetheClient
  /** Approves first. */
  readonly admin: LetheClient
  /** Approves second. */
  readonly second: LetheClient
  readonly operator: LetheClient
  readonly globex: LetheClient
}

export async function openCeilingStand(): Promise<CeilingStand> {
  const { secrets } = await openContext()
  const roles = ['privacy_officer']
  const LETHE_CREDENTIALS = credentialsWith(secrets.credentialsFile, [
    { id: 'second-officer', token: tokens.second, roles, tenants: ['*'] },
    { id: 'globex-officer', token: tokens.globex, roles, tenants: ['globex'] },
  ])
  const chain = await Chain.start({
    shop: { customers: 800 },
    shopSql: invoices,
    dataMap: withCeilings,
    env: { LETHE_CREDENTIALS },
  })
  const url = chain.context.at.requestUrl
  return {
    chain,
    officer: chain.client(),
    admin: chain.client('admin'),
    operator: chain.client('operator'),
    second: new Client({ url, token: tokens.second }),
    globex: new Client({ url, token: tokens.globex }),
  }
}

export const customer = (n: number): Person => ({
  tenantId: 'acme',
  userId: `u${n}`,
  email: `customer${n}@example.com`,
})

export interface More {
  readonly sessions?: number
  readonly orders?: number
  readonly invoices?: number
  /** Comments of somebody else that name the person. */
  readonly mentions?: number
  readonly keys?: number
}

/** Gives a customer more than the shop's seed did. */
export async function giveMore(chain: Chain, { userId, email }: Person, more: More): Promise<void> {
  await withClient(chain.pgUrl, (client) =>
    client.query({
      text: `WITH given (id, email, sessions, orders, invoices, mentions) AS (VALUES ($1::text, $2::text, $3::int, $4::int, $5::int, $6::int)),
        a AS (INSERT INTO sessions (user_id, tenant_id, ip, started_at) SELECT id, 'acme', '192.0.2.9', '2024-02-01' FROM given, generate_series(1, sessions)),
        b AS (INSERT INTO orders (user_id, tenant_id, shipping_address, customer_email, total_cents, created_at)
          SELECT id, 'acme', '2 High Street', email, 7, '2024-02-01' FROM given, generate_series(1, orders)),
        c AS (INSERT INTO invoices (tenant_id, customer_id, total_cents) SELECT 'acme', id, 9 FROM given, generate_series(1, invoices))
        INSERT INTO comments (user_id, tenant_id, author_name, body)
          SELECT 'u799', 'acme', 'Customer 799', 'I agree with @' || id || ' here.' FROM given, generate_series(1, mentions)`,
      values: [userId, email, more.sessions ?? 0, more.orders ?? 0, more.invoices ?? 0, more.mentions ?? 0],
    }),
  )
  await withRedis(chain.redisUrl, async (redis) => {
    for (let n = 0; n < (more.keys ?? 0); n++) await redis.set(`tenant:acme:user:${userId}:extra${n}`, '{}')
  })
}

/** The cache forgets the customer, so that nothing is erased before the shop's turn. */
export async function forgetInCache(chain: Chain, { tenantId, userId }: Person): Promise<void> {
  await withRedis(chain.redisUrl, (redis) => redis.del(keysOf(tenantId, userId)))
}

/** What an erasure must find, per system and collection, counted without the project. */
export async function counted(chain: Chain, person: Person): Promise<Record<string, Record<string, number>>> {
  const { rows, keys } = await footprint(chain.pgUrl, chain.redisUrl, person)
  const own = Object.fromEntries(Object.entries(rows).map(([table, ids]) => [table, ids.length]))
  const more = await withClient(chain.pgUrl, async (client) => {
    const { rows: found } = await client.query<{ invoices: number; mentions: number }>(
      `SELECT (SELECT count(*)::int FROM invoices WHERE customer_id = $1) AS invoices,
        (SELECT count(*)::int FROM comments WHERE tenant_id = 'acme' AND user_id IS DISTINCT FROM $1 AND body LIKE '%@' || $1 || ' %') AS mentions`,
      [person.userId],
    )
    return found[0] ?? { invoices: 0, mentions: 0 }
  })
  const family = (start: string) =>
    keys.filter((key) => key.startsWith(`tenant:${person.tenantId}:${start}`)).length
  const { order_items: _, ...tables } = own
  return {
    'shop-pg': { ...tables, comments: (own.comments ?? 0) + more.mentions, invoices: more.invoices },
    cache: {
      'tenant:{tenant}:user:{user_id}:*': family(`user:${person.userId}:`),
      'tenant:{tenant}:session:{user_id}:*': family(`session:${person.userId}:`),
      'tenant:{tenant}:cache:user:{user_id}': family('cache:user:'),
    },
  }
}
