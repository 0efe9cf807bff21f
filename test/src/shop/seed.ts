import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import pg from 'pg'

/** The person the demonstration erases, and those who must not be touched with them. */
export const ada = { tenantId: 'acme', userId: 'u77', email: 'ada.lovelace@example.com', stripe: 'cus_77' }
/** Same tenant, an id that begins with Ada's and an address that is nearly hers. */
export const lookAlike = {
  tenantId: 'acme',
  userId: 'u770',
  email: 'ada.lovelace@example.co',
  stripe: 'cus_770',
}
/** Another tenant's customer under Ada's very address. */
export const otherTenant = {
  tenantId: 'globex',
  userId: 'g77',
  email: 'ada.lovelace@example.com',
  stripe: 'cus_g77',
}

export interface ShopSize {
  /** Customers of tenant `acme`; at least 800 so that the named people exist. */
  readonly customers: number
}

const here = dirname(fileURLToPath(import.meta.url))
/** Files that are not compiled stay in `src`; this works from `src` and from `dist`. */
export const shopFile = (name: string): string => join(here, '..', '..', 'src', 'shop', name)

const fill = (customers: number): string => `
INSERT INTO users SELECT 'u' || n, 'acme', CASE n WHEN 77 THEN '${ada.email}' WHEN 770 THEN '${lookAlike.email}' ELSE 'customer' || n || '@example.com' END,
  'Customer ' || n, 'cus_' || n, timestamptz '2024-01-01' + n * interval '1 minute' FROM generate_series(1, ${customers}) n;
INSERT INTO users VALUES ('${otherTenant.userId}', 'globex', '${otherTenant.email}', 'Ada of Globex', '${otherTenant.stripe}', '2024-01-01');
INSERT INTO preferences SELECT id, tenant_id, 'en', jsonb_build_object('theme', 'dark') FROM users;
INSERT INTO sessions (user_id, tenant_id, ip, started_at)
  SELECT id, tenant_id, '192.0.2.1', created_at + k * interval '1 day' FROM users, generate_series(1, 2) k;
INSERT INTO notifications (user_id, tenant_id, body) SELECT id, tenant_id, 'Your parcel is on its way' FROM users;
INSERT INTO activity_logs (user_id, tenant_id, action, properties, at)
  SELECT id, tenant_id, 'login', jsonb_build_object('email', email, 'ip_address', '192.0.2.1', 'device', 'web'), created_at FROM users, generate_series(1, 2) k;
INSERT INTO orders (user_id, tenant_id, shipping_address, customer_email, total_cents, created_at)
  SELECT id, tenant_id, name || ', 1 High Street', email, 100 * k, created_at + k * interval '1 day' FROM users, generate_series(1, 2) k;
INSERT INTO order_items SELECT id, 1, 'SKU-1', 1 FROM orders;
INSERT INTO comments (user_id, tenant_id, author_name, body) SELECT id, tenant_id, name, 'Works as described.' FROM users;
INSERT INTO comments (user_id, parent_id, tenant_id, author_name, body)
  SELECT '${lookAlike.userId}', c.id, 'acme', 'Customer 770', 'I agree.' FROM comments c WHERE c.user_id = '${ada.userId}';
INSERT INTO newsletter SELECT tenant_id, email, created_at FROM users;
ANALYZE;`

/** Creates the shop's tables in an empty database and fills them. Not idempotent. */
export async function seedDatabase(url: string, size: ShopSize): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(readFileSync(shopFile('schema.sql'), 'utf8'))
    await client.query(fill(size.customers))
  } finally {
    await client.end()
  }
}

/** Five keys per customer, as the data map's three templates describe them. Idempotent. */
export async function seedCache(url: string, size: ShopSize): Promise<number> {
  const redis = new Redis(url)
  try {
    const ids = Array.from({ length: size.customers }, (_, index) => ['acme', `u${index + 1}`] as const)
    let written = 0
    for (const chunk of chunks([...ids, ['globex', otherTenant.userId] as const], 2_000)) {
      const pipeline = redis.pipeline()
      for (const [tenant, user] of chunk) for (const key of keysOf(tenant, user)) pipeline.set(key, '{}')
      await pipeline.exec()
      written += chunk.length * 5
    }
    return written
  } finally {
    redis.disconnect()
  }
}

/** The keys the shop's application writes for one customer. */
export function keysOf(tenant: string, user: string): string[] {
  return [
    `tenant:${tenant}:user:${user}:profile`,
    `tenant:${tenant}:user:${user}:cart`,
    `tenant:${tenant}:user:${user}:settings`,
    `tenant:${tenant}:session:${user}:web`,
    `tenant:${tenant}:cache:user:${user}`,
  ]
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
