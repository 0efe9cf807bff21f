import { withClient } from '@lethe/infra'
import { Redis } from 'ioredis'

/** The shop's two roles get the rights the connector's README names, in this database. */
export async function grantShop(pgUrl: string): Promise<void> {
  await withClient(pgUrl, (client) =>
    client.query(`
      DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO shop_eraser', current_database()); END $$;
      GRANT USAGE ON SCHEMA public TO shop_eraser, shop_probe;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_eraser;
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO shop_probe;
    `),
  )
}

export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}

export async function emptyCache(redisUrl: string): Promise<void> {
  await withRedis(redisUrl, (redis) => redis.flushdb())
}

/** Databases of the stack's Redis that tests may have; the others belong to the demonstration and to specs. */
const caches = Array.from({ length: 13 }, (_, index) => index + 1)
/** A test that was killed gives its database back by this, in seconds. */
const CLAIM_SECONDS = 1_800
const claimOf = (database: number) => `test:database:${database}`

/** A database of the Redis for one test alone, so that two can run on one stack. */
export async function claimCache(redisUrl: string): Promise<string> {
  return withRedis(redisUrl, async (redis) => {
    for (const database of caches) {
      const claimed = await redis.set(claimOf(database), '1', 'EX', CLAIM_SECONDS, 'NX')
      if (claimed) return new URL(`/${database}`, redisUrl).href
    }
    throw new Error('every test database of the Redis is taken; end other test runs or wait half an hour')
  })
}

/** Empties a claimed database and gives it back. */
export async function releaseCache(claimedUrl: string): Promise<void> {
  await emptyCache(claimedUrl)
  const database = Number(new URL(claimedUrl).pathname.slice(1))
  await withRedis(new URL('/0', claimedUrl).href, (redis) => redis.del(claimOf(database)))
}
