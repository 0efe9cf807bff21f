import { createHmac } from 'node:crypto'
import { TerminalError } from '@lethe/service-host'
import type { Pool, PoolClient } from 'pg'
import type { Pepper } from './digest.js'
import { alone } from './epochs.js'
import { type KeyStore, pepperPrefix } from './key-store.js'

/** One pepper's life. Times are epoch milliseconds; null for what has not happened. */
export interface PepperLife {
  readonly version: string
  readonly source: 'given' | 'key_store'
  readonly addedAt: number
  readonly retiredAt: number | null
  /** `settling` is written and looked up already; `retiring` is looked up only. */
  readonly state: 'settling' | 'current' | 'retiring' | 'retired'
}

interface Row {
  readonly version: string
  readonly fingerprint: string
  readonly source: PepperLife['source']
  readonly addedAt: number
  readonly retiredAt: number | null
}

/** How long every process has to hear of a new pepper before others stop being written. */
export const pepperSettlesMs = 60_000

/** What writing and looking up digests ask for. */
export interface PepperSet {
  /** All that are looked up; the current one is last. */
  live(): readonly Pepper[]
  /** Versions digests are written under: the current one and those that are to follow it. */
  written(): ReadonlySet<string>
}

/**
 * Peppers from `LETHE_PEPPERS` and from the key store, with their lives in PostgreSQL. A new one is written
 * and looked up at once, becomes current when every process must have heard of it, and from then on older
 * ones are looked up only, until no digest that is needed was made with them.
 */
export class Peppers implements PepperSet {
  private rows: readonly Row[] = []
  private secrets: ReadonlyMap<string, string> = new Map()

  private constructor(
    private readonly pool: Pool,
    private readonly keys: KeyStore,
    private readonly given: readonly Pepper[],
    private readonly now: () => number,
  ) {}

  /** @throws TerminalError when a secret is not the one its digests were made with, or one that was given is missing */
  static async open(
    pool: Pool,
    keys: KeyStore,
    given: readonly Pepper[],
    now: () => number = Date.now,
  ): Promise<Peppers> {
    const peppers = new Peppers(pool, keys, given, now)
    peppers.secrets = peppers.readSecrets()
    await alone(pool, (client) => peppers.register(client))
    await peppers.refresh()
    peppers.assertComplete()
    return peppers
  }

  /** Takes over what other processes added and retired. */
  async refresh(): Promise<void> {
    this.keys.refresh()
    this.secrets = this.readSecrets()
    this.rows = await rowsOf(this.pool)
  }

  live(): readonly Pepper[] {
    const current = this.currentNumber()
    return this.lives()
      .filter(({ retiredAt }) => retiredAt === null)
      .flatMap(({ version }) => {
        const secret = this.secrets.get(version)
        return secret === undefined ? [] : [{ version, secret }]
      })
      .sort((a, b) => Number(numberOf(a.version) === current) - Number(numberOf(b.version) === current))
  }

  written(): ReadonlySet<string> {
    const written = this.lives().filter(({ state }) => state === 'current' || state === 'settling')
    return new Set(written.map(({ version }) => version))
  }

  lives(): readonly PepperLife[] {
    const current = this.currentNumber()
    return this.rows.map(({ version, source, addedAt, retiredAt }) => ({
      version,
      source,
      addedAt,
      retiredAt,
      state: this.stateOf(version, retiredAt, current),
    }))
  }

  /** A new pepper, made in the key store. @returns its version */
  async rotate(): Promise<string> {
    const version = await alone(this.pool, async (client) => {
      this.keys.recover()
      this.keys.refresh()
      const known = [...(await rowsOf(client)).map((row) => row.version), ...this.secrets.keys()]
      const next = `v${Math.max(0, ...known.map(numberOf)) + 1}`
      // The secret first: a version without one could be neither written nor looked up.
      this.keys.create(`${pepperPrefix}${next}`)
      this.secrets = this.readSecrets()
      await this.register(client)
      return next
    })
    await this.refresh()
    return version
  }

  /** Records that nothing needs it, then destroys its secret. The caller has made sure of the first. */
  async retire(client: PoolClient, version: string): Promise<void> {
    await client.query('UPDATE vault.peppers SET retired_at = $2 WHERE version = $1 AND retired_at IS NULL', [
      version,
      this.now(),
    ])
  }

  /** Destroys the secrets of retired peppers, as far as this service keeps them. Idempotent. */
  async destroyRetired(): Promise<void> {
    const left = this.rows.filter(
      ({ version, retiredAt }) => retiredAt !== null && this.keys.find(`${pepperPrefix}${version}`) !== null,
    )
    if (left.length === 0) return
    await alone(this.pool, async () => {
      this.keys.recover()
      for (const { version } of left) this.keys.destroy(`${pepperPrefix}${version}`)
    })
  }

  /** The newest that every process must have heard of; where none is that old, the oldest that is live. */
  private currentNumber(): number {
    const live = this.rows.filter(({ version, retiredAt }) => retiredAt === null && this.secrets.has(version))
    const first = Math.min(...live.map(({ addedAt }) => addedAt))
    // Those this database began with have no predecessor that anybody could still be writing.
    const settled = live.filter(({ addedAt }) => addedAt === first || addedAt + pepperSettlesMs <= this.now())
    return Math.max(0, ...settled.map(({ version }) => numberOf(version)))
  }

  private stateOf(version: string, retiredAt: number | null, current: number): PepperLife['state'] {
    if (retiredAt !== null) return 'retired'
    if (numberOf(version) === current) return 'current'
    // A secret that is gone was destroyed after the moment this database was restored to.
    return numberOf(version) > current && this.secrets.has(version) ? 'settling' : 'retiring'
  }

  private readSecrets(): ReadonlyMap<string, string> {
    const stored = this.keys.names().filter((name) => name.startsWith(pepperPrefix))
    return new Map([
      ...stored.map((name): [string, string] => [
        name.slice(pepperPrefix.length),
        (this.keys.find(name) as Buffer).toString('base64url'),
      ]),
      ...this.given.map(({ version, secret }): [string, string] => [version, secret]),
    ])
  }

  private async register(client: PoolClient): Promise<void> {
    const given = new Set(this.given.map(({ version }) => version))
    const at = this.now()
    for (const [version, secret] of this.secrets) {
      await client.query(
        `INSERT INTO vault.peppers (version, fingerprint, source, added_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (version) DO NOTHING`,
        [version, fingerprintOf(secret), given.has(version) ? 'given' : 'key_store', at],
      )
    }
  }

  private assertComplete(): void {
    for (const { version, fingerprint, source, retiredAt } of this.rows) {
      if (retiredAt !== null) continue
      const secret = this.secrets.get(version)
      if (secret === undefined && source === 'given') {
        throw unusable(`pepper ${version} is missing: digests made with it are still looked up`)
      }
      if (secret !== undefined && fingerprintOf(secret) !== fingerprint) {
        throw unusable(`pepper ${version} is not the secret that its digests were made with`)
      }
    }
  }
}

const unusable = (what: string): TerminalError => new TerminalError('pepper_unusable', what)

/** `v12` is 12. */
const numberOf = (version: string): number => Number(version.slice(1))

/** Tells a mistyped secret from the right one; says no more about it than a digest does. */
const fingerprintOf = (secret: string): string =>
  createHmac('sha256', secret).update('fingerprint of a pepper').digest('base64url').slice(0, 16)

async function rowsOf(client: Pool | PoolClient): Promise<Row[]> {
  const { rows } = await client.query<{
    version: string
    fingerprint: string
    source: PepperLife['source']
    added_at: string
    retired_at: string | null
  }>('SELECT version, fingerprint, source, added_at, retired_at FROM vault.peppers')
  return rows
    .map((row) => ({
      version: row.version,
      fingerprint: row.fingerprint,
      source: row.source,
      addedAt: Number(row.added_at),
      retiredAt: row.retired_at === null ? null : Number(row.retired_at),
    }))
    .sort((a, b) => numberOf(a.version) - numberOf(b.version))
}
