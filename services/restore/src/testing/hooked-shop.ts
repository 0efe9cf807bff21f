import { ask, Cluster } from './cluster.js'
import type { Store } from './stand.js'

const SETTINGS = [
  'fsync = off',
  'full_page_writes = off',
  'max_wal_size = 1GB',
  'shared_buffers = 64MB',
  'max_connections = 200',
  'wal_level = replica',
  'archive_mode = on',
]

/**
 * The replay role as docs/restore.md describes it: owner of the database, no superuser, with the rights it needs to
 * open a gate that was shut beforehand.
 */
const ROLES = [
  `CREATE ROLE lethe_replay LOGIN`,
  `CREATE ROLE shop_app LOGIN`,
  `CREATE ROLE boss SUPERUSER LOGIN`,
  `GRANT pg_read_all_settings, pg_read_server_files, pg_write_server_files, pg_signal_backend TO lethe_replay`,
  `GRANT EXECUTE ON FUNCTION pg_read_file(text,bigint,bigint,boolean), pg_reload_conf() TO lethe_replay`,
  `GRANT ALTER SYSTEM ON PARAMETER hba_file, hot_standby, "lethe.gate" TO lethe_replay`,
  `CREATE DATABASE shop OWNER lethe_replay`,
]

const copying = (cluster: Cluster): string =>
  `mkdir -p ${cluster.path('archive')} && cp %p ${cluster.path('archive')}/%f`

/** A shop on a server of its own that can be stopped, backed up and restored in every way. */
export class HookedShop implements Store {
  private constructor(
    readonly cluster: Cluster,
    readonly size: number,
  ) {}

  /** A running server with `size` customers, an order each, and an archive of its write-ahead log. */
  static async open(size: number, archiving: (cluster: Cluster) => string = copying): Promise<HookedShop> {
    const cluster = await Cluster.open()
    await cluster.initialise('source', [...SETTINGS, `archive_command = '${archiving(cluster)}'`])
    const shop = new HookedShop(cluster, size)
    try {
      await shop.fill()
    } catch (error) {
      // Nobody else would end its server.
      await shop.close()
      throw error
    }
    return shop
  }

  private async fill(): Promise<void> {
    const { cluster, size } = this
    cluster.start('source')
    await this.answers('postgres')
    for (const statement of ROLES) await ask(cluster.url('postgres', 'postgres'), statement)
    await ask(
      this.url(),
      `CREATE TABLE users (id text PRIMARY KEY, email text NOT NULL, created_at timestamptz NOT NULL);
       CREATE TABLE orders (id serial PRIMARY KEY, user_id text REFERENCES users, address text);
       INSERT INTO users SELECT 'u' || n, 'u' || n || '@example.com', '2020-01-01' FROM generate_series(1, ${size}) n;
       INSERT INTO orders (user_id, address) SELECT 'u' || n, 'street ' || n FROM generate_series(1, ${size}) n;
       CREATE INDEX ON orders (user_id);
       GRANT SELECT ON users, orders TO shop_app`,
    )
  }

  url(role = 'lethe_replay', database = 'shop'): string {
    return this.cluster.url(role, database)
  }

  /** One in a hundred. */
  get erased(): string[] {
    return Array.from({ length: this.size / 100 }, (_, n) => `u${n * 100 + 1}`)
  }

  /** Starts a server and waits until it lets the replay role in. */
  async start(name: string, ...args: string[]): Promise<void> {
    this.cluster.start(name, ...args)
    await this.answers()
  }

  async answers(role?: string): Promise<void> {
    for (let look = 0; ; look++) {
      try {
        await ask(this.url(role, 'postgres'), 'SELECT 1')
        return
      } catch (error) {
        if (look > 2_400) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** Waits until the archive holds all that was written; a file that is there may still be half copied. */
  async archived(): Promise<void> {
    const admin = this.url('postgres', 'postgres')
    const [switched] = await ask(admin, 'SELECT pg_walfile_name(pg_switch_wal()) AS file')
    for (let look = 0; ; look++) {
      const [archiver] = await ask(admin, 'SELECT last_archived_wal AS file FROM pg_stat_archiver')
      if (archiver?.file && String(archiver.file) >= String(switched?.file)) return
      if (look > 1_200) throw new Error(`the archive does not get ${switched?.file}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Everybody who was not erased, bit for bit. */
  async digest(role?: string): Promise<unknown> {
    const [row] = await ask(
      this.url(role),
      `SELECT md5(string_agg(t, '|' ORDER BY t COLLATE "C")) AS digest FROM (
         SELECT u::text AS t FROM users u WHERE id <> ALL ($1)
         UNION ALL SELECT o::text FROM orders o WHERE user_id <> ALL ($1)) AS everyone`,
      [this.erased],
    )
    return row?.digest
  }

  /** Rows of people who were erased. */
  async found(people: readonly string[] = this.erased): Promise<number> {
    const [row] = await ask(
      this.url(),
      `SELECT (SELECT count(*) FROM users WHERE id = ANY ($1)) + (SELECT count(*) FROM orders WHERE user_id = ANY ($1)) AS n`,
      [people],
    )
    return Number(row?.n)
  }

  /** What happened since the backup: people erased, others changed, others new. */
  async goOn(): Promise<void> {
    const some = Math.ceil(this.size / 400)
    const url = this.url()
    await ask(url, 'DELETE FROM orders WHERE user_id = ANY ($1)', [this.erased])
    await ask(url, 'DELETE FROM users WHERE id = ANY ($1)', [this.erased])
    await ask(
      url,
      `UPDATE users SET email = 'new-' || email WHERE id IN (SELECT 'u' || n * 100 + 50 FROM generate_series(0, ${some}) n);
       INSERT INTO users SELECT 'v' || n, 'v' || n || '@example.com', '2026-01-01' FROM generate_series(1, ${some}) n`,
    )
  }

  baseBackup(name: string): Promise<void> {
    const { cluster } = this
    const from = ['-h', '127.0.0.1', '-p', `${cluster.port}`, '-U', 'postgres']
    return cluster.tool(
      'pg_basebackup',
      '-D',
      cluster.path(name),
      ...from,
      '-c',
      'fast',
      '-X',
      'fetch',
      '--no-sync',
    )
  }

  dump(name: string): Promise<void> {
    return this.cluster.tool('pg_dump', '-Fc', '-f', this.cluster.path(name), '-d', this.url('postgres'))
  }

  /** `pg_restore` ends with an error code also for what it could ignore. */
  load(name: string, database: string, ...args: string[]): Promise<void> {
    const { cluster } = this
    return cluster.tool('pg_restore', '-d', this.url('postgres', database), ...args, cluster.path(name))
  }

  close(): Promise<void> {
    return this.cluster.close()
  }
}
