import { randomBytes } from 'node:crypto'
import { postgres } from '@lethe/connectors/postgres'
import type { Connector } from '@lethe/eraser-kit'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import type { Caller } from '@lethe/service-host'
import pg from 'pg'
import { RestoreStore } from '../adapters/restore-store.js'
import type { Guard } from '../application/guard.js'
import { type ChainVerdict, noChain } from '../application/self/chain-verdict.js'
import type {
  LiveTombstone,
  Pepper,
  TombstonePage,
  TombstoneSource,
} from '../application/tombstone-source.js'
import { digestBytes } from '../domain/digest-set.js'
import { completed } from './completed.js'
import { inColumns } from './in-columns.js'
import { type Life, mortal, mortalConnector } from './mortal.js'
import { type RestoreProcess, restoreProcess } from './process.js'

const { lethePostgresUrl, shopPostgresUrl } = endpoints()

/** A shop in a database of its own, with an application that may connect to it, and backups by copying. */
export class Shop {
  private readonly admin: pg.Pool
  readonly name = `lethe_restore_${randomBytes(6).toString('hex')}`
  readonly app = `${this.name}_app`
  private readonly backups: string[] = []

  constructor() {
    const server = new URL(shopPostgresUrl)
    server.pathname = '/postgres'
    this.admin = new pg.Pool({ connectionString: server.href, max: 1 })
  }

  url(user?: string, database = this.name): string {
    const url = new URL(shopPostgresUrl)
    url.pathname = `/${database}`
    if (user) [url.username, url.password] = [user, 'secret']
    return url.href
  }

  async create(): Promise<void> {
    await this.admin.query(`CREATE DATABASE ${this.name}`)
    await this.admin.query(`CREATE ROLE ${this.app} LOGIN PASSWORD 'secret'`)
    await this.as(
      undefined,
      `
      CREATE TABLE users (id text PRIMARY KEY, email text NOT NULL, created_at timestamptz NOT NULL);
      CREATE TABLE orders (id serial PRIMARY KEY, user_id text REFERENCES users, address text);
      INSERT INTO users SELECT 'u' || n, 'u' || n || '@example.com', '2020-01-01' FROM generate_series(1, 200) n;
      INSERT INTO orders (user_id, address) SELECT 'u' || n, 'street ' || n FROM generate_series(1, 200) n;
      GRANT SELECT ON users, orders TO ${this.app}`,
    )
  }

  /** One statement on a connection of its own; what a connection that is refused throws is thrown. */
  async as(user: string | undefined, sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(user) })
    client.on('error', () => undefined)
    await client.connect()
    try {
      const result = await client.query(sql)
      return result.rows ?? []
    } finally {
      await client.end()
    }
  }

  /** One statement in a backup, which is a database of its own, or in the shop. */
  async in(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(undefined, database) })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(sql)).rows ?? []
    } finally {
      await client.end()
    }
  }

  /** A session that only superusers could end. */
  async asSuperuser(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url() })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** The role the guide describes: owner of the database, no superuser, and blind to what others do. */
  async replayRole(): Promise<string> {
    const role = `${this.name}_replay`
    await this.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT pg_signal_backend TO ${role}`)
    await this.admin.query(`ALTER DATABASE ${this.name} OWNER TO ${role}`)
    await this.as(
      undefined,
      `
      GRANT ALL ON SCHEMA public, lethe TO ${role};
      GRANT ALL ON ALL TABLES IN SCHEMA public, lethe TO ${role}`,
    )
    return role
  }

  async backUp(): Promise<string> {
    const backup = `${this.name}_b${this.backups.length}`
    this.backups.push(backup)
    await this.end(this.name)
    await this.admin.query(`CREATE DATABASE ${backup} TEMPLATE ${this.name}`)
    return backup
  }

  /** The store of another day under the same name: what a restore without a hook does. */
  async restore(backup: string): Promise<void> {
    await this.admin.query(`DROP DATABASE ${this.name} WITH (FORCE)`)
    await this.admin.query(`CREATE DATABASE ${this.name} TEMPLATE ${backup}`)
  }

  async close(): Promise<void> {
    for (const database of [this.name, ...this.backups])
      await this.admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
    await this.admin.query(`DROP ROLE IF EXISTS ${this.app}, ${this.name}_replay`)
    await this.admin.end()
  }

  private async end(database: string): Promise<void> {
    await this.admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      database,
    ])
  }
}

/** `request` as far as the restore service knows it: sections and tombstones. */
export class Source implements TombstoneSource {
  readonly tombstones = new Map<string, LiveTombstone>()
  /** Called before each page; may throw. */
  before: (after: string) => void = () => undefined
  /** Awaited after each page was read, before it is given out. */
  during: () => Promise<void> = async () => undefined

  /** How long what is read may be erased. */
  lifeMs = 60_000

  /** Pages in columns, where they can be. */
  columns = true
  /** Called when objects are made of the tombstones of such a page, behind `after`; may throw. */
  asObjects: (after: string) => void = () => undefined

  async page(_systemId: string, _reason: string, after: string, limit: number): Promise<TombstonePage> {
    this.before(after)
    await this.during()
    const ids = [...this.tombstones.keys()].filter((id) => id > after).sort()
    const tombstones = ids.slice(0, limit).flatMap((id) => this.tombstones.get(id) ?? [])
    const page = { validUntil: Date.now() + this.lifeMs, tombstones }
    return this.columns ? inColumns(page, () => this.asObjects(after)) : page
  }

  /** What the digests of `Stand.digested` are made with, and what is given out for it. */
  readonly secret = 'the pepper of the restore specs'
  given: readonly Pepper[] = [{ version: 'v1', secret: this.secret }]

  async peppers(): Promise<readonly Pepper[]> {
    return this.given
  }

  async matching(
    _systemId: string,
    _reason: string,
    { tenantId, digests }: { readonly tenantId: string; readonly digests: readonly string[] },
  ): Promise<TombstonePage> {
    await this.during()
    const tombstones = [...this.tombstones.values()].filter(
      ({ digested }) =>
        digested?.tenantId === tenantId && digested.digests.some((one) => digests.includes(one)),
    )
    return { validUntil: Date.now() + this.lifeMs, tombstones }
  }
}

export const operator: Caller = { id: 'olga', roles: ['operator'], tenants: ['*'], systemId: null }
export const officer: Caller = { id: 'pia', roles: ['privacy_officer'], tenants: ['*'], systemId: null }

export const ELEMENTS = [
  { table: 'orders', by: 'user_id', method: 'delete' },
  { table: 'users', by: 'id', method: 'delete', createdAt: 'created_at' },
]

/** An eraser makes its receipts when it starts; the restore service waits for that. */
async function eraserStarts(shop: Store): Promise<void> {
  const session = await postgres.open({
    systemId: 'shop-pg',
    options: postgres.options.parse({ url: shop.url() }),
    system: postgres.system.parse({ elements: ELEMENTS }),
    tenant: { none: true },
    canonical: 'user_id',
  })
  await session.describe('erase')
  await session.close()
}

/** What the service and its eraser need to know of a store. */
export interface Store {
  url(role?: string): string
  close(): Promise<void>
}

/** A restore service over a real shop and a real database of Lethe; only `request` is stood in. */
export class Stand<S extends Store = Shop> {
  readonly source = new Source()
  private guards: Guard[] = []

  private constructor(
    readonly shop: S,
    readonly pool: pg.Pool,
    readonly store: RestoreStore,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(): Promise<Stand> {
    const shop = new Shop()
    await shop.create()
    return Stand.over(shop)
  }

  /** Over a shop that has its tables already. */
  static async over<S extends Store>(shop: S): Promise<Stand<S>> {
    await eraserStarts(shop)
    const database = await scratchDatabase(lethePostgresUrl)
    const pool = new pg.Pool({ connectionString: database.url, max: 12 })
    pool.on('error', () => undefined)
    return new Stand(shop, pool, new RestoreStore(pool), database.drop)
  }

  /** Tables of the map besides users and orders, by version; the last one is in force. */
  readonly maps: (readonly object[])[] = [[]]

  /** What is asked before a gate opens. */
  chain: ChainVerdict = noChain

  /** A process of the service, with nothing in memory of any other. */
  process(incarnation = 'test', role?: string, ceiling: number | null = null, life?: Life): RestoreProcess {
    const sectionOf = (elements: readonly object[], index: number) => ({
      version: index + 1,
      tenant: { none: true } as const,
      canonical: 'user_id' as const,
      system: {
        systemId: 'shop-pg',
        kind: 'postgres',
        connection: 'SHOP',
        ceiling,
        body: { elements: [...elements, ...ELEMENTS] },
      },
    })
    const sections = this.maps.map(sectionOf)
    const section = sections.at(-1) ?? sectionOf([], 0)
    const older = new Map(sections.slice(0, -1).map((one) => [one.version, one]))
    const { pool, source, chain } = this
    const store = life ? mortal(this.store, life) : this.store
    const immortal = postgres as unknown as Connector
    const connector = life ? mortalConnector(immortal, life) : immortal
    const url = () => this.shop.url(role)
    const process = restoreProcess({
      pool,
      store,
      source,
      connector,
      section,
      older,
      url,
      incarnation,
      chain,
    })
    this.guards.push(process.guard)
    return process
  }

  /** The person stays absent from the shop; a row of the read model says since when. */
  async tombstone(
    userId: string,
    extra: {
      held?: boolean
      ceilingWaived?: boolean
      effectiveAt?: number
      expiresAt?: number
      mapVersion?: number
    } = {},
  ) {
    const tombstoneId = `tombstone-${userId}`
    const {
      held = false,
      ceilingWaived = false,
      effectiveAt = Date.now(),
      expiresAt = Date.now() + 86_400_000,
      mapVersion = 1,
    } = extra
    const subject = {
      subjectRef: `ref-${userId}`,
      tenantId: 'shop',
      receivedAt: effectiveAt,
      identifiers: [{ type: 'user_id' as const, value: userId }],
    }
    await this.pool.query(
      `INSERT INTO read_model.tombstones (tombstone_id, request_id, system_id, tenant_id, subject_ref, sequence,
         epoch, map_version, effective_at, expires_at) VALUES ($1, $2, 'shop-pg', 'shop', $3, 1, 'e1', 1, $4, $5) ON CONFLICT DO NOTHING`,
      [tombstoneId, `request-${userId}`, subject.subjectRef, effectiveAt, expiresAt],
    )
    if (expiresAt <= Date.now()) return
    const requestId = `request-${userId}`
    this.source.tombstones.set(tombstoneId, {
      tombstoneId,
      requestId,
      mapVersion,
      held,
      ceilingWaived,
      subject: held ? null : subject,
    })
  }

  /** The person's identifiers can't be read any more: only digests of them are left, or not even those. */
  forget(userId: string, known: readonly { type: string; value: string }[]): void {
    const one = this.source.tombstones.get(`tombstone-${userId}`)
    if (!one?.subject) throw new Error(`there is no tombstone of ${userId} that can be read`)
    const { subjectRef, tenantId, receivedAt } = one.subject
    const digests = known.map(({ type, value }) => {
      return `v1.${digestBytes(this.source.secret, tenantId, type, value).toString('base64url')}`
    })
    const digested = digests.length > 0 ? { subjectRef, tenantId, receivedAt, digests } : undefined
    const gone = { ...one, subject: null, code: 'vault_key_destroyed' }
    this.source.tombstones.set(one.tombstoneId, digested ? { ...gone, digested } : gone)
  }

  /** That person's request is done, as the read model says. */
  completed(userId: string): Promise<void> {
    return completed(this.pool, [userId])
  }

  /** Ends everything but the shop. */
  async detach(): Promise<void> {
    for (const guard of this.guards) await guard.stop()
    await this.pool.end()
    await this.drop()
  }

  async close(): Promise<void> {
    await this.detach()
    await this.shop.close()
  }
}
