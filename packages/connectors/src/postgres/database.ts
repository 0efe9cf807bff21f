import type { OpenContext } from '@lethe/eraser-kit'
import { type ClientBase, Pool, type PoolClient } from 'pg'
import { z } from 'zod'
import { type Catalogue, type Reference, readCatalogue } from './catalogue.js'
import { crossing } from './errors.js'
import type { PostgresSystem } from './grammar.js'
import { type Group, order } from './order.js'
import { compile, type Plan } from './targets.js'

export const postgresOptions = z.strictObject({
  /** postgres:// URL with the credentials of this deployment's role. */
  url: z.string().regex(/^postgres(ql)?:\/\//, 'write a postgres:// URL'),
  /** Connections this deployment may hold open. */
  connections: z.number().int().min(1).max(50).default(4),
  /** Longest wait for a row somebody else has locked, in milliseconds. */
  lockTimeoutMs: z.number().int().min(1).max(60_000).default(500),
})
export type PostgresOptions = z.output<typeof postgresOptions>
export type PostgresContext = OpenContext<PostgresOptions, PostgresSystem>

/** How long a reading of the catalogue is trusted: migrations of the store go on while Lethe runs. */
const CATALOGUE_MS = 30_000

/** @param onConnect done on each new connection before its first use; one it fails on is not used */
export function openPool(
  options: PostgresOptions,
  application: string,
  onConnect?: (client: ClientBase) => Promise<void>,
): Pool {
  const pool = new Pool({
    connectionString: options.url,
    max: options.connections,
    connectionTimeoutMillis: 5_000,
    application_name: application,
    ...(onConnect ? { onConnect } : {}),
  })
  // An idle connection that dies is replaced at the next use, which reports what is wrong then.
  pool.on('error', () => undefined)
  return pool
}

export async function connect(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect()
  // The statement under way rejects with the same loss; without a listener it would end the process.
  if (client.listenerCount('error') === 0) client.on('error', () => undefined)
  return client
}

export interface Compiled {
  readonly plan: Plan
  readonly groups: readonly Group[]
}

/** The data map compiled against the live tables, read again when it is old. */
export class LivePlan {
  private compiled: Promise<Compiled> | null = null
  private readAt = 0

  constructor(
    private readonly pool: Pool,
    private readonly context: PostgresContext,
  ) {}

  /** Throws a TerminalError when map and tables do not fit, a RetryableError when the store is away. */
  current(): Promise<Compiled> {
    if (this.compiled === null || Date.now() - this.readAt > CATALOGUE_MS) {
      this.readAt = Date.now()
      const reading = this.read()
      this.compiled = reading
      reading.catch(() => {
        if (this.compiled === reading) this.compiled = null
      })
    }
    return this.compiled
  }

  private async read(): Promise<Compiled> {
    const { system, tenant, canonical } = this.context
    try {
      const catalogue = await readCatalogue(this.pool)
      const plan = compile(system, catalogue, tenant, canonical)
      return { plan, groups: order(plan.targets, catalogue) }
    } catch (error) {
      throw crossing(error, 'compile the data map')
    }
  }
}

/** Foreign keys that lead to a table. */
export function referencesTo(catalogue: Catalogue, oid: number): Reference[] {
  return catalogue.references.filter((key) => key.parent === oid)
}
