import { Redis } from 'ioredis'
import pg from 'pg'
import { type ShopSize, seedCache, seedDatabase } from '../shop/seed.js'
import { line } from './print.js'

const tables = [
  'newsletter',
  'comments',
  'order_items',
  'orders',
  'activity_logs',
  'notifications',
  'sessions',
  'preferences',
  'users',
]

/** Replaces whatever shop an earlier run left by a new one. Only ever called with the local stack's URLs. */
export async function freshShop(pgUrl: string, redisUrl: string, size: ShopSize): Promise<void> {
  const client = new pg.Client({ connectionString: pgUrl })
  await client.connect()
  try {
    await client.query(`DROP TABLE IF EXISTS ${tables.join(', ')} CASCADE`)
  } finally {
    await client.end()
  }
  const redis = new Redis(redisUrl)
  try {
    await redis.flushdb()
  } finally {
    redis.disconnect()
  }
  await seedDatabase(pgUrl, size)
  const keys = await seedCache(redisUrl, size)
  line(`${size.customers.toLocaleString('en')} customers, ${keys.toLocaleString('en')} keys`)
}
