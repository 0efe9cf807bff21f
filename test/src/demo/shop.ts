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

/** What Lethe keeps there stays: a store that lost it would be taken for one from a backup. */
async function emptyButForLethe(redis: Redis): Promise<void> {
  let cursor = '0'
  do {
    const [next, page] = await redis.scan(cursor, 'COUNT', 5_000)
    const mine = page.filter((key) => !key.startsWith('lethe:'))
    if (mine.length > 0) await redis.unlink(...mine)
    cursor = next
  } while (cursor !== '0')
}

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
    await emptyButForLethe(redis)
  } finally {
    redis.disconnect()
  }
  await seedDatabase(pgUrl, size)
  const keys = await seedCache(redisUrl, size)
  line(`${size.customers.toLocaleString('en')} customers, ${keys.toLocaleString('en')} keys`)
}
