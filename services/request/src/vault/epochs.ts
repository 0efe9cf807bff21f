import { inTransaction } from '@lethe/event-store'
import { RetryableError } from '@lethe/service-host'
import type { Pool, PoolClient } from 'pg'
import { type EpochKey, type Keyring, type KeyStore, pepperPrefix } from './key-store.js'

/** One epoch's life. Times are epoch milliseconds; null for what has not happened. */
export interface Epoch {
  readonly epoch: string
  readonly startsAt: number
  /** Sealing goes on under the next one from here. */
  readonly endsAt: number
  /** The fixed date on which the key dies, once nothing that is needed is sealed under it. */
  readonly destroyAt: number
  readonly closedAt: number | null
  readonly destroyingAt: number | null
  readonly destroyedAt: number | null
  /** Credential, or `request` for the service itself. */
  readonly destroyedBy: string | null
  /** Entries and notes that became unreadable with the key. */
  readonly shredded: number | null
}

export interface EpochSettings {
  /** Milliseconds entries are sealed under one key. */
  readonly lengthMs: number
  /** Milliseconds from then until the key is destroyed. */
  readonly keepMs: number
}

/** Seals in flight share the lock of their epoch; closing the epoch waits for them. */
const SEALING_LOCK = 4933
/** One process at a time changes epochs or keys. */
const LIFE_CYCLE_LOCK = 4934

/** Held until the transaction ends; `closeEpoch` waits for it. */
export async function lockSealing(client: PoolClient, epoch: string): Promise<void> {
  await client.query({
    name: 'vault-sealing-lock',
    text: `SELECT pg_advisory_xact_lock_shared(${SEALING_LOCK}, hashtext($1))`,
    values: [epoch],
  })
}

/** Runs alone among all processes of this database that change epochs or keys. */
export function alone<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return inTransaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(${LIFE_CYCLE_LOCK}, 0)`)
    return work(client)
  })
}

/** The epochs PostgreSQL knows, and their keys, which it does not; chooses the current one by date. */
export class Epochs implements Keyring {
  private rows: readonly Epoch[] = []

  private constructor(
    private readonly pool: Pool,
    readonly keys: KeyStore,
    private readonly settings: EpochSettings,
    private readonly now: () => number,
  ) {}

  /** Registers keys the database does not know yet, and makes the first epoch where there is none. */
  static async open(
    pool: Pool,
    keys: KeyStore,
    settings: EpochSettings,
    now: () => number = Date.now,
  ): Promise<Epochs> {
    const epochs = new Epochs(pool, keys, settings, now)
    await alone(pool, async (client) => {
      keys.recover()
      keys.refresh()
      await epochs.register(client)
    })
    await epochs.refresh()
    await epochs.rotateWhenDue()
    return epochs
  }

  current(): EpochKey {
    const at = this.now()
    const open = this.rows.filter(
      ({ epoch, closedAt }) => closedAt === null && this.keys.find(epoch) !== null,
    )
    // Between the end of one and the making of the next, the newest goes on: its end is not its death.
    const row = open.findLast(({ startsAt, endsAt }) => startsAt <= at && at < endsAt) ?? open.at(-1)
    const key = row === undefined ? null : this.keys.find(row.epoch)
    if (row === undefined || key === null) throw noEpoch()
    return { epoch: row.epoch, key }
  }

  find(epoch: string): EpochKey | null {
    // Once it is decided nobody uses the key any more, even where it still is: a copy that was put back, say.
    const row = this.rows.find((known) => known.epoch === epoch)
    if (row !== undefined && row.destroyingAt !== null) return null
    const key = this.keys.find(epoch)
    return key === null ? null : { epoch, key }
  }

  all(): readonly Epoch[] {
    return this.rows
  }

  /** Whether its key can be read; false for one that was lost or destroyed. */
  hasKey(epoch: string): boolean {
    return this.keys.find(epoch) !== null
  }

  /** null when the vault never had it. */
  known(epoch: string): Epoch | null {
    return this.rows.find((row) => row.epoch === epoch) ?? null
  }

  /** Takes over what other processes did; called now and then, and when sealing was refused. */
  async refresh(): Promise<void> {
    this.keys.refresh()
    this.rows = await rowsOf(this.pool)
  }

  /** An epoch whose key is lost covers nothing: a database that was restored behind its keys knows such ones. */
  private covers(rows: readonly Epoch[], at: number): boolean {
    return rows.some(
      ({ epoch, closedAt, startsAt, endsAt }) =>
        closedAt === null && startsAt <= at && at < endsAt && this.keys.find(epoch) !== null,
    )
  }

  /** A new epoch when the current one has ended. @returns its name, null when it has not */
  async rotateWhenDue(): Promise<string | null> {
    return this.covers(this.rows, this.now()) ? null : this.rotate(false)
  }

  /** A new epoch from now on; `early` ends the current one before its date. */
  async rotate(early: boolean): Promise<string | null> {
    const at = this.now()
    const made = await alone(this.pool, async (client) => {
      // Another process may have made it while this one waited for the lock.
      this.keys.refresh()
      if (!early && this.covers(await rowsOf(client), at)) return null
      const name = await this.freeName(client, at)
      // The key first: a row without a key would be an epoch nobody can seal under.
      this.keys.create(name)
      await client.query(
        `UPDATE vault.epochs SET ends_at = $1, destroy_at = $1 + $2
         WHERE ends_at > $1 AND closed_at IS NULL AND starts_at <= $1`,
        [at, this.settings.keepMs],
      )
      await this.insert(client, name, at, at + this.settings.lengthMs)
      return name
    })
    await this.refresh()
    return made
  }

  private async freeName(client: PoolClient, at: number): Promise<string> {
    const day = new Date(at).toISOString().slice(0, 10)
    const { rows } = await client.query<{ epoch: string }>('SELECT epoch FROM vault.epochs')
    const taken = new Set([...rows.map(({ epoch }) => epoch), ...this.keys.names()])
    for (let n = 1; ; n++) {
      const name = n === 1 ? day : `${day}.${String(n).padStart(3, '0')}`
      if (!taken.has(name)) return name
    }
  }

  /**
   * Keys the table does not know: a new key file, a crash between key and row, or a database that was
   * restored behind its keys. Names begin with dates, so the last of them is the newest.
   */
  private async register(client: PoolClient): Promise<void> {
    const { rows } = await client.query<{ epoch: string }>('SELECT epoch FROM vault.epochs')
    const known = new Set(rows.map(({ epoch }) => epoch))
    const at = this.now()
    const unknown = this.keys
      .names()
      .filter((name) => !name.startsWith(pepperPrefix) && !known.has(name))
      .sort()
    for (const [index, epoch] of unknown.entries()) {
      const newest = known.size === 0 && index === unknown.length - 1
      await this.insert(client, epoch, at, newest ? at + this.settings.lengthMs : at)
    }
  }

  private async insert(client: PoolClient, epoch: string, startsAt: number, endsAt: number): Promise<void> {
    await client.query(
      'INSERT INTO vault.epochs (epoch, starts_at, ends_at, destroy_at) VALUES ($1, $2, $3, $4)',
      [epoch, startsAt, endsAt, endsAt + this.settings.keepMs],
    )
  }
}

const noEpoch = (): RetryableError =>
  new RetryableError('vault_no_epoch', 'The vault has no open epoch to seal under.')

/** Nothing is sealed under it once this has returned: seals that had begun are committed or gone. */
export async function closeEpoch(pool: Pool, epoch: string, at: number): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(${SEALING_LOCK}, hashtext($1))`, [epoch])
    await client.query(
      `UPDATE vault.epochs SET closed_at = $2, ends_at = LEAST(ends_at, GREATEST(starts_at, $2))
       WHERE epoch = $1 AND closed_at IS NULL`,
      [epoch, at],
    )
  })
}

async function rowsOf(client: Pool | PoolClient): Promise<Epoch[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    'SELECT * FROM vault.epochs ORDER BY starts_at, epoch',
  )
  return rows.map(epochOf)
}

function epochOf(row: Record<string, string | null>): Epoch {
  const instant = (value: string | null | undefined): number | null => (value == null ? null : Number(value))
  return {
    epoch: row.epoch as string,
    startsAt: Number(row.starts_at),
    endsAt: Number(row.ends_at),
    destroyAt: Number(row.destroy_at),
    closedAt: instant(row.closed_at),
    destroyingAt: instant(row.destroying_at),
    destroyedAt: instant(row.destroyed_at),
    destroyedBy: row.destroyed_by ?? null,
    shredded: instant(row.shredded),
  }
}
