import { inspect } from 'node:util'
import { withClient } from '@lethe/infra'
import type { Chain } from '../harness/chain.js'
import { withRedis } from '../harness/stores.js'
import { keysOf } from '../shop/seed.js'
import type { CanaryPerson } from './canary.js'

/** Makes customers of the shop with rows in every table and every key of the cache. */
export async function addCustomers(chain: Chain, people: readonly CanaryPerson[]): Promise<void> {
  await withClient(chain.pgUrl, async (client) => {
    for (const person of people) await client.query(rowsOf(person))
  })
  await withRedis(chain.redisUrl, async (redis) => {
    for (const { tenantId, userId } of people)
      for (const key of keysOf(tenantId, userId)) await redis.set(key, '{}')
  })
}

const rowsOf = ({ tenantId, userId, email, stripe }: CanaryPerson) => ({
  text: `WITH given (id, tenant, email, stripe) AS (VALUES ($1::text, $2::text, $3::text, $4::text)),
    people AS (INSERT INTO users SELECT id, tenant, email, 'Canary', stripe, '2024-01-01' FROM given),
    liked AS (INSERT INTO preferences SELECT id, tenant, 'en', '{}' FROM given),
    visits AS (INSERT INTO sessions (user_id, tenant_id, ip, started_at) SELECT id, tenant, '192.0.2.7', '2024-01-02' FROM given),
    told AS (INSERT INTO notifications (user_id, tenant_id, body) SELECT id, tenant, 'Hello' FROM given),
    acts AS (INSERT INTO activity_logs (user_id, tenant_id, action, properties, at)
      SELECT id, tenant, 'login', jsonb_build_object('email', email, 'ip_address', '192.0.2.7'), '2024-01-02' FROM given),
    bought AS (INSERT INTO orders (user_id, tenant_id, shipping_address, customer_email, total_cents, created_at)
      SELECT id, tenant, '1 High Street', email, 100, '2024-01-03' FROM given),
    said AS (INSERT INTO comments (user_id, tenant_id, author_name, body) SELECT id, tenant, 'Canary', 'Fine.' FROM given)
    INSERT INTO newsletter SELECT tenant, email, '2024-01-01' FROM given`,
  values: [userId, tenantId, email, stripe],
})

/** The shop refuses to delete this person, with their address in the error's message, detail and hint. */
export async function makeUndeletable(chain: Chain, { userId }: CanaryPerson): Promise<void> {
  await withClient(chain.pgUrl, (client) =>
    client.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'customer % may not go', OLD.email
          USING DETAIL = 'row (' || OLD.id || ', ' || OLD.email || ')', HINT = 'ask ' || OLD.email;
      END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW WHEN (OLD.id = '${userId}') EXECUTE FUNCTION refuse();
    `),
  )
}

/** Where the shop's data map, as this scan changes it, expects the index set of a person's keys. */
const indexSet = ({ tenantId, userId }: CanaryPerson) => `tenant:${tenantId}:keys-of:${userId}`

/** Adds an index set of keys to the cache's section of the shop's data map. */
export const withIndexSet = (yaml: string): string =>
  yaml.replace(
    '    idsHoldDelimiters: false',
    "    sets: [{ set: 'tenant:{tenant}:keys-of:{user_id}' }]\n    idsHoldDelimiters: false",
  )

/**
 * Redis refuses to read this person's index set, because it is none. Returns what its client makes of that by itself:
 * an error that holds the command, and with it the person's id.
 */
export async function makeUnreadable(chain: Chain, person: CanaryPerson): Promise<string> {
  return withRedis(chain.redisUrl, async (redis) => {
    await redis.set(indexSet(person), 'a text')
    const error: unknown = await redis.sscan(indexSet(person), '0').catch((refused: unknown) => refused)
    return inspect(error)
  })
}
