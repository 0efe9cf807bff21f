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
