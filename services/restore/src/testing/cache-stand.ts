import { rmSync } from 'node:fs'
import { type Preparing, redis } from '@lethe/connectors/redis'
import type { Connector, Outcome } from '@lethe/eraser-kit'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import type { Redis } from 'ioredis'
import pg from 'pg'
import { RestoreStore } from '../adapters/restore-store.js'
import { CacheServer, type Persistence } from './cache-server.js'
import { eraseInitially, tombstonesOf } from './erasing.js'
import { type Life, mortal, mortalConnector } from './mortal.js'
import { type RestoreProcess, restoreProcess, watchingTheGate } from './process.js'
import { Source } from './stand.js'

export const CACHE_SECTION = {
  version: 1,
  tenant: { none: true } as const,
  canonical: 'user_id' as const,
  system: {
    systemId: 'cache',
    kind: 'redis',
    connection: 'CACHE',
    ceiling: null,
    body: { keys: ['user:{user_id}:*'], idsHoldDelimiters: false },
  },
}
const BATCH = 500
/** Keys to one call of the script: so many are not looked at one by one from outside. */
const DIGESTED = 5_000
const DIGEST = `
  local digest = ARGV[1]
  for _, key in ipairs(KEYS) do
    local dump = redis.call('DUMP', key) or 'gone'
    digest = redis.sha1hex(digest .. key .. redis.call('PEXPIRETIME', key) .. dump)
  end
  return digest`

export const keysOf = (user: string): string[] => [`user:${user}:profile`, `user:${user}:cart`]

/** A restore service over a Redis of its own, which is backed up, killed and restored. */
export class CacheStand {
  readonly source = new Source()
  /** When the gate was told to open, in nanoseconds of the machine's clock; of every opening. */
  readonly openings: bigint[] = []
  private readonly guards: RestoreProcess['guard'][] = []
  private readonly backups: string[] = []

  private constructor(
    readonly server: CacheServer,
    readonly pool: pg.Pool,
    readonly store: RestoreStore,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(persistence: Persistence, form?: Preparing['form']): Promise<CacheStand> {
    const server = await CacheServer.start(persistence, form)
    const database = await scratchDatabase(endpoints().lethePostgresUrl)
    const pool = new pg.Pool({ connectionString: database.url, max: 12 })
    pool.on('error', () => undefined)
    return new CacheStand(server, pool, new RestoreStore(pool), database.drop)
  }

  process(life?: Life): RestoreProcess {
    const { pool, source } = this
    const store = life ? mortal(this.store, life) : this.store
    const watching = watchingTheGate(redis as unknown as Connector, this.openings)
    const connector = life ? mortalConnector(watching, life) : watching
    const url = () => this.server.url('replay')
    const process = restoreProcess({ pool, store, source, connector, section: CACHE_SECTION, url })
    this.guards.push(process.guard)
    return process
  }

  /** Customers with a string, a hash with a lifetime each: what a cache holds of them. */
  seed(customers: number, from = 1): Promise<void> {
    return this.write(Array.from({ length: customers }, (_, at) => from + at))
  }

  /** What happened since the backup: one customer in four hundred is another, as many are new. */
  async goOn(customers: number): Promise<void> {
    const changed = Array.from({ length: customers / 400 }, (_, at) => at * 400 + 50)
    await this.write(changed, 'Changed since')
    await this.seed(changed.length, customers + 1)
  }

  private async write(customers: readonly number[], name = 'Customer'): Promise<void> {
    await this.as('app', async (client) => {
      for (let start = 0; start < customers.length; start += BATCH) {
        const pipeline = client.pipeline()
        for (const n of customers.slice(start, start + BATCH)) {
          pipeline.set(`user:u${n}:profile`, `{"name":"${name} ${n}"}`)
          pipeline.hset(`user:u${n}:cart`, { article: `a${n}`, pieces: n % 7 })
          pipeline.pexpireat(`user:u${n}:cart`, 4_000_000_000_000 + n)
        }
        await pipeline.exec()
      }
    })
  }

  async backUp(): Promise<string> {
    const backup = await this.server.backUp()
    this.backups.push(backup)
    return backup
  }

  /** Erases people as an eraser does, with receipts in the store, and keeps a tombstone of each. */
  async erase(users: readonly string[]): Promise<Outcome[]> {
    const subjects = await tombstonesOf(this.pool, this.source, 'cache', users)
    const session = await redis.open({
      systemId: 'cache',
      options: { url: this.server.url('eraser') },
      system: redis.system.parse(CACHE_SECTION.system.body),
      tenant: CACHE_SECTION.tenant,
      canonical: CACHE_SECTION.canonical,
    })
    return eraseInitially(session, 'cache', subjects)
  }

  async as<T>(user: string, work: (client: Redis) => Promise<T>): Promise<T> {
    const client = this.server.client(user)
    try {
      return await work(client)
    } finally {
      client.disconnect()
    }
  }

  /** As `as`, but null where the server refuses that user. */
  async once<T>(user: string, work: (client: Redis) => Promise<T>): Promise<T | null> {
    return this.as(user, work).catch((error: Error) => {
      if (/WRONGPASS|NOAUTH|NOPERM/.test(error.message)) return null
      throw error
    })
  }

  /** Every key but Lethe's own and those of `without`, with type, value and lifetime, byte by byte. */
  async digest(without: ReadonlySet<string>): Promise<{ readonly keys: number; readonly digest: string }> {
    return this.as('replay', async (client) => {
      const keys = (await this.allKeys(client)).filter((key) => !without.has(key)).sort()
      let digest = ''
      for (let start = 0; start < keys.length; start += DIGESTED) {
        const some = keys.slice(start, start + DIGESTED)
        digest = String(await client.eval(DIGEST, some.length, ...some, digest))
      }
      return { keys: keys.length, digest }
    })
  }

  /** Which of the people have any key at all, by a walk over everything. */
  async present(users: readonly string[]): Promise<string[]> {
    const wanted = new Set(users)
    const keys = await this.as('replay', (client) => this.allKeys(client))
    return [...new Set(keys.map((key) => key.split(':')[1] ?? ''))].filter((user) => wanted.has(user))
  }

  async close(): Promise<void> {
    for (const guard of this.guards) await guard.stop()
    await this.server.close()
    for (const backup of this.backups) rmSync(backup, { recursive: true, force: true })
    await this.pool.end()
    await this.drop()
  }

  private async allKeys(client: Redis): Promise<string[]> {
    const keys: string[] = []
    for await (const page of client.scanStream({ count: 5_000 })) keys.push(...(page as string[]))
    return [...new Set(keys)].filter((key) => !key.startsWith('lethe:'))
  }
}
