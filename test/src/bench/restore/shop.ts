import { randomBytes } from 'node:crypto'
import { postgres } from '@lethe/connectors/postgres'
import { withClient } from '@lethe/infra'
import type pg from 'pg'
import { createDatabase, dropDatabase } from '../pipeline/installation.js'
import { ELEMENTS, SYSTEM } from './request-stand-in.js'

const SCHEMA = `
  CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, name text NOT NULL, address text NOT NULL,
    created_at timestamptz NOT NULL)`

/** When a copy came, epoch milliseconds. */
export interface Restored {
  readonly begun: number
  readonly inReach: number
}

/** A live store with a name of its own, and a backup of it that is another database. */
export class BenchShop {
  readonly name = `shop_${randomBytes(4).toString('hex')}`
  readonly backup = `${this.name}_backup`

  constructor(private readonly server: string) {}

  get url(): string {
    return new URL(`/${this.name}`, this.server).href
  }

  get backupUrl(): string {
    return new URL(`/${this.backup}`, this.server).href
  }

  /** Empty, for Lethe to mark. */
  async create(): Promise<void> {
    await createDatabase(this.url)
    await withClient(this.url, (client) => client.query(SCHEMA))
    // An eraser makes its receipts when it starts; the restore service waits for that.
    const session = await postgres.open({
      systemId: SYSTEM,
      options: postgres.options.parse({ url: this.url }),
      system: postgres.system.parse({ elements: ELEMENTS }),
      tenant: { none: true },
      canonical: 'user_id',
    })
    await session.describe('erase')
    await session.close()
  }

  /** The backup is the store as Lethe marked it, with so many customers. */
  async backUp(rows: number): Promise<void> {
    await dropDatabase(this.backupUrl)
    await this.admin((client) => copyOf(client, this.backup, this.name))
    await withClient(this.backupUrl, async (client) => {
      await client.query('TRUNCATE customers')
      for (let from = 1; from <= rows; from += FILL)
        await client.query(
          `INSERT INTO customers SELECT n, 'customer' || n || '@example.com', 'Customer ' || n, 'street ' || n,
             '2020-01-01' FROM generate_series($1::bigint, $2::bigint) AS n`,
          [from, Math.min(rows, from + FILL - 1)],
        )
      await client.query('VACUUM (ANALYZE, FREEZE) customers')
      await client.query('CHECKPOINT')
    })
  }

  /** Without a hook: the live store goes, the backup takes its name. */
  async restore(): Promise<Restored> {
    const begun = Date.now()
    let inReach = begun
    await this.admin(async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`)
      await copyOf(client, this.name, this.backup)
      inReach = Date.now()
      await client.query('CHECKPOINT')
    })
    return { begun, inReach }
  }

  /** A copy of the backup for somebody else, dropped afterwards. */
  async onCopy<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const copy = `${this.name}_copy`
    const url = new URL(`/${copy}`, this.server).href
    await this.admin(async (client) => {
      await copyOf(client, copy, this.backup)
      await client.query('CHECKPOINT')
    })
    try {
      return await withClient(url, work)
    } finally {
      await dropDatabase(url)
    }
  }

  async drop(): Promise<void> {
    await dropDatabase(this.url)
    await dropDatabase(this.backupUrl)
  }

  private admin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    return withClient(new URL('/postgres', this.server).href, work)
  }
}

const FILL = 500_000

/** Files are copied, so it takes as long as copying them; somebody may just be leaving the template. */
async function copyOf(client: pg.ClientBase, name: string, template: string): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  )
  const strategy = (rows[0]?.version ?? 0) >= 150_000 ? ' STRATEGY file_copy' : ''
  for (let tries = 1; ; tries++) {
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      template,
    ])
    try {
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}${strategy}`)
      return
    } catch (error) {
      if ((error as { code?: string }).code !== OBJECT_IN_USE || tries === 50) throw error
    }
  }
}

const OBJECT_IN_USE = '55006'
