import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import pg from 'pg'
import type { Chain } from '../harness/chain.js'
import type { Person } from '../shop/oracle.js'

/** Something of a person went, or was overwritten, in a store. */
export interface Change {
  readonly systemId: 'shop-pg' | 'cache'
  readonly userId: string
  /** When the store committed it, epoch microseconds, by the store's own clock. */
  readonly at: number
  /** Table or key. */
  readonly what: string
}

const personalTables = [
  'users',
  'preferences',
  'sessions',
  'notifications',
  'activity_logs',
  'orders',
  'comments',
  'newsletter',
]

/**
 * Sees every change of a person's data from outside, with the time of its commit. PostgreSQL: the
 * write-ahead log, decoded; the time is the commit record's own, in microseconds. Redis: MONITOR; the server
 * stamps a command after it ran, so the time is never too early. It asks nothing of Lethe.
 */
export class Witness {
  private readonly seen: Change[] = []
  private readonly keys = new Set<string>()
  private readonly users: ReadonlyMap<string, string>

  private constructor(
    private readonly db: pg.Client,
    private readonly slot: string,
    private readonly redis: Redis,
    private readonly monitor: Redis,
    people: readonly Person[],
  ) {
    this.users = new Map(people.map(({ email, userId }) => [email, userId]))
  }

  static async open(chain: Chain, people: readonly Person[]): Promise<Witness> {
    const db = new pg.Client({ connectionString: chain.pgUrl })
    await db.connect()
    // Old values of every column: without them a redacted row would no longer say whose it was.
    for (const table of personalTables) await db.query(`ALTER TABLE ${table} REPLICA IDENTITY FULL`)
    await db.query(`SET TimeZone TO 'UTC'`)
    const slot = `witness_${randomBytes(4).toString('hex')}`
    await db.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [slot])
    const redis = new Redis(chain.redisUrl)
    const monitor = await redis.monitor()
    const witness = new Witness(db, slot, redis, monitor, people)
    const database = new URL(chain.redisUrl).pathname.slice(1)
    monitor.on('monitor', (time: string, args: string[], _source: string, at: string) => {
      if (at === database) witness.command(time, args)
    })
    for (const key of await redis.keys('tenant:*')) witness.keys.add(key)
    return witness
  }

  /** Everything that was committed so far. */
  async changes(): Promise<readonly Change[]> {
    await this.readLog()
    await this.untilMonitored()
    return [...this.seen]
  }

  async close(): Promise<void> {
    this.monitor.disconnect()
    this.redis.disconnect()
    await this.db.query('SELECT pg_drop_replication_slot($1)', [this.slot])
    await this.db.end()
  }

  private async readLog(): Promise<void> {
    const { rows } = await this.db.query<{ data: string }>(
      `SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL,
         'include-xids', '0', 'include-timestamp', '1', 'skip-empty-xacts', '1')`,
      [this.slot],
    )
    let open: { userId: string; what: string }[] = []
    for (const { data } of rows) {
      const committed = /^COMMIT \(at (.+?)(\.\d+)?\+00\)$/.exec(data)
      if (committed) {
        const [, second = '', fraction = '.0'] = committed
        const at = Date.parse(`${second.replace(' ', 'T')}Z`) * 1_000 + Math.round(Number(fraction) * 1e6)
        this.seen.push(...open.map((one) => ({ systemId: 'shop-pg' as const, at, ...one })))
        open = []
        continue
      }
      const change = this.rowChange(data)
      if (change) open.push(change)
    }
  }

  private rowChange(data: string): { userId: string; what: string } | null {
    const match = /^table public\.(\w+): (?:UPDATE: old-key:|DELETE:) (.*)$/s.exec(data)
    const [, table = '', columns = ''] = match ?? []
    if (!personalTables.includes(table)) return null
    const old = columns.split(' new-tuple: ')[0] ?? ''
    const value = (column: string) => new RegExp(`(?:^| )${column}\\[text\\]:'([^']*)'`).exec(old)?.[1]
    const email = value('email')
    const userId =
      table === 'users'
        ? value('id')
        : table === 'newsletter'
          ? email && this.users.get(email)
          : value('user_id')
    return userId ? { userId, what: table } : null
  }

  private command(time: string, [name = '', ...args]: string[]): void {
    const verb = name.toUpperCase()
    if (verb === 'SET' && args[0]) this.keys.add(args[0])
    if (verb !== 'UNLINK' && verb !== 'DEL') return
    for (const key of args) {
      if (!this.keys.delete(key)) continue
      const [, , kind, ...rest] = key.split(':')
      const userId = (kind === 'cache' ? rest[1] : rest[0]) ?? ''
      this.seen.push({ systemId: 'cache', userId, at: Math.round(Number(time) * 1e6), what: key })
    }
  }

  /** MONITOR is a stream of its own: what was done before this returns has been seen. */
  private async untilMonitored(): Promise<void> {
    const word = randomBytes(8).toString('hex')
    const seen = new Promise<void>((resolve) => {
      const look = (_time: string, args: string[]) => {
        if (args[1] !== word) return
        this.monitor.off('monitor', look)
        resolve()
      }
      this.monitor.on('monitor', look)
    })
    await this.redis.echo(word)
    await seen
  }
}

/** How many rows and keys everybody has, by user id; nobody who has none is in it. */
export async function presence(chain: Chain): Promise<Record<Change['systemId'], Map<string, number>>> {
  const client = new pg.Client({ connectionString: chain.pgUrl })
  await client.connect()
  try {
    const others = personalTables.filter((table) => table !== 'users' && table !== 'newsletter')
    const parts = [
      'SELECT id AS who FROM users',
      // An address outlives its customer's row only when it was forgotten; then it stands for itself.
      `SELECT coalesce(u.id, regexp_replace(n.email, '^customer(\\d+)@.*$', 'u\\1')) FROM newsletter n
         LEFT JOIN users u ON u.email = n.email AND u.tenant_id = n.tenant_id`,
      ...others.map((table) => `SELECT user_id FROM ${table} WHERE user_id IS NOT NULL`),
    ]
    const { rows } = await client.query<{ who: string; n: number }>(
      `SELECT who, count(*)::int AS n FROM (${parts.join(' UNION ALL ')}) AS here GROUP BY who`,
    )
    return {
      'shop-pg': new Map(rows.map(({ who, n }) => [who, n])),
      cache: await keysPerUser(chain.redisUrl),
    }
  } finally {
    await client.end()
  }
}

async function keysPerUser(redisUrl: string): Promise<Map<string, number>> {
  const redis = new Redis(redisUrl)
  try {
    const counts = new Map<string, number>()
    for (const key of await redis.keys('tenant:*')) {
      const [, , kind, ...rest] = key.split(':')
      const userId = (kind === 'cache' ? rest[1] : rest[0]) ?? ''
      counts.set(userId, (counts.get(userId) ?? 0) + 1)
    }
    return counts
  } finally {
    redis.disconnect()
  }
}
