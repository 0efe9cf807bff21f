import { randomBytes } from 'node:crypto'
import {
  installSearchServer,
  type SearchServer,
  type StackContext,
  startSearchServer,
  urlAs,
  withClient,
} from '@lethe/infra'
import { emptyCache, grantShop, withRedis } from '../../harness/stores.js'
import { type BenchSystem, createDatabase, dropDatabase } from './installation.js'
import { addDocuments, addKeys, addRows, SCHEMA } from './people.js'

/** The stores people are erased from: a database of their own, the stack's Redis, and a search server of their own. */
export class Stores {
  /** Number of the next person nobody has erased yet. */
  private next = 1
  private filled = 0

  private constructor(
    private readonly context: StackContext,
    readonly pgUrl: string,
    readonly search: SearchServer | null,
  ) {}

  static async open(context: StackContext, options: { search: boolean }): Promise<Stores> {
    const pgUrl = new URL(`/shop_${randomBytes(4).toString('hex')}`, context.at.shopPostgresUrl).href
    await createDatabase(pgUrl)
    await withClient(pgUrl, (client) => client.query(SCHEMA))
    await grantShop(pgUrl)
    await emptyCache(context.at.shopRedisUrl)
    const search = options.search
      ? await startSearchServer(await installSearchServer('elasticsearch7'))
      : null
    return new Stores(context, pgUrl, search)
  }

  get redisUrl(): string {
    return this.context.at.shopRedisUrl
  }

  get searchUrl(): string | null {
    return this.search && `http://127.0.0.1:${this.search.port}`
  }

  /** The first of `count` people who are in every store; makes them when they are not there yet. */
  async take(count: number): Promise<number> {
    const from = this.next
    this.next += count
    if (this.next - 1 > this.filled) {
      const missing = this.filled + 1
      const add = this.next - missing
      await withClient(this.pgUrl, (client) => addRows(client, missing, add))
      await withRedis(this.redisUrl, (redis) => addKeys(redis, missing, add))
      if (this.searchUrl) await addDocuments(this.searchUrl, missing, add)
      this.filled = this.next - 1
    }
    return from
  }

  systems(): BenchSystem[] {
    const { secrets } = this.context
    const user = (role: 'erase' | 'probe') => (role === 'erase' ? 'shop_eraser' : 'shop_probe')
    const as = (url: string, role: 'erase' | 'probe') => urlAs(url, user(role), secrets.password(user(role)))
    return [
      {
        systemId: 'shop-pg',
        entry: 'services/erasers/postgres/dist/main.js',
        secrets: (role) => ({ SHOP_PG: as(this.pgUrl, role) }),
      },
      {
        systemId: 'cache',
        entry: 'services/erasers/redis/dist/main.js',
        secrets: (role) => ({ SHOP_REDIS: as(this.redisUrl, role) }),
      },
      ...(this.searchUrl === null
        ? []
        : [
            {
              systemId: 'search',
              entry: 'services/erasers/elasticsearch/dist/main.js',
              secrets: () => ({ SHOP_SEARCH: this.searchUrl as string }),
            },
          ]),
    ]
  }

  async close(): Promise<void> {
    await this.search?.stop()
    await dropDatabase(this.pgUrl)
  }
}

/** Systems that hold nothing. */
export const noopSystems = (ids: readonly string[]): BenchSystem[] =>
  ids.map((systemId) => ({
    systemId,
    entry: 'test/dist/bench/noop-eraser.js',
    secrets: () => ({ NOTHING: 'redis://127.0.0.1:1/0' }),
  }))
