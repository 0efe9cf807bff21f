import { randomBytes } from 'node:crypto'
import type { EraseIo, Identifier, Pass, Session, TenantRule } from '@lethe/eraser-kit'
import { endpoints } from '@lethe/infra'
import { Pool } from 'pg'
import { postgres } from './connector.js'
import type { PostgresElement, PostgresSystem } from './grammar.js'
import { postgresSystem } from './grammar.js'
import { install } from './receipts.js'

/** A database of its own on the shop's server, with the two roles a deployment has. Dropped by `close`. */
export interface FreshDatabase {
  readonly name: string
  readonly owner: Pool
  readonly eraser: string
  readonly prober: string
  url(credentials: 'erase' | 'probe' | 'owner' | 'wrong', at?: { host: string; port: number }): string
  /** Grants both roles the rights the README lists, on every table there is now. */
  grant(): Promise<void>
  close(): Promise<void>
}

export async function freshDatabase(schema: string): Promise<FreshDatabase> {
  const server = new URL(endpoints().shopPostgresUrl)
  server.pathname = '/postgres'
  const token = randomBytes(6).toString('hex')
  const [name, eraser, prober] = [`lethe_pg_${token}`, `lethe_e_${token}`, `lethe_p_${token}`]
  const admin = new Pool({ connectionString: server.href, max: 1 })
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.query(
    `CREATE ROLE ${eraser} LOGIN PASSWORD '${token}'; CREATE ROLE ${prober} LOGIN PASSWORD '${token}';`,
  )
  const url: FreshDatabase['url'] = (credentials, at) => {
    const copy = new URL(server.href)
    copy.pathname = `/${name}`
    if (at) [copy.hostname, copy.port] = [at.host, String(at.port)]
    if (credentials !== 'owner') {
      copy.username = { erase: eraser, probe: prober, wrong: `nobody_${token}` }[credentials]
      copy.password = token
    }
    return copy.href
  }
  const owner = new Pool({ connectionString: url('owner'), max: 4 })
  owner.on('error', () => undefined)
  const database: FreshDatabase = {
    name,
    owner,
    eraser,
    prober,
    url,
    grant: async () => {
      await owner.query(`
        GRANT USAGE ON SCHEMA public, lethe TO ${eraser};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, lethe TO ${eraser};
        GRANT USAGE ON SCHEMA public TO ${prober};
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${prober};`)
    },
    close: async () => {
      await owner.end()
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await admin.query(`DROP ROLE ${eraser}; DROP ROLE ${prober};`)
      await admin.end()
    },
  }
  try {
    await owner.query(schema)
    await owner.query(install)
    await database.grant()
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

interface Change {
  readonly tenant?: TenantRule
  readonly resolves?: Record<string, string>
  readonly ignore?: string[]
  readonly neverHeld?: Record<string, string>
  readonly ceiling?: number
  readonly url?: string
  readonly lockTimeoutMs?: number
  readonly connections?: number
}

export function contextOf(
  database: FreshDatabase,
  elements: unknown[],
  change: Change = {},
  role: 'erase' | 'probe' = 'erase',
) {
  const system: PostgresSystem = postgresSystem.parse({
    elements: elements as PostgresElement[],
    ...(change.resolves ? { resolves: change.resolves } : {}),
    ...(change.ignore ? { ignore: change.ignore } : {}),
  })
  return {
    systemId: 'shop-pg',
    options: postgres.options.parse({
      url: change.url ?? database.url(role),
      ...(change.lockTimeoutMs ? { lockTimeoutMs: change.lockTimeoutMs } : {}),
      ...(change.connections ? { connections: change.connections } : {}),
    }),
    system,
    tenant: change.tenant ?? { none: true as const },
    canonical: 'user_id' as const,
    ceiling: change.ceiling ?? null,
    neverHeld: change.neverHeld ?? {},
  }
}

export function openOn(database: FreshDatabase, elements: unknown[], change: Change = {}): Promise<Session> {
  return postgres.open(contextOf(database, elements, change))
}

let passes = 0

export function passFor(
  identifiers: Record<string, string> | string,
  change: Partial<Pass> & { tenantId?: string } = {},
): Pass {
  const given = typeof identifiers === 'string' ? { user_id: identifiers } : identifiers
  const { tenantId = 'acme', ...rest } = change
  passes += 1
  return {
    requestId: `request-${passes}`,
    systemId: 'shop-pg',
    stepId: 'shop-pg#1',
    passId: 'shop-pg#1/initial',
    attempt: 1,
    subject: {
      subjectRef: `ref-${passes}`,
      tenantId,
      identifiers: Object.entries(given).map(([type, value]) => ({ type, value }) as Identifier),
      receivedAt: Date.now(),
    },
    grant: { grantId: `grant-${passes}`, expiresAt: Date.now() + 30_000 },
    ceilingWaived: false,
    ...rest,
  }
}

export function hostIo(change: Partial<EraseIo> = {}): EraseIo {
  return {
    signal: new AbortController().signal,
    now: Date.now,
    receipt: (pass, outcome) => ({
      requestId: pass.requestId,
      passId: pass.passId,
      body: JSON.stringify(outcome),
    }),
    ...change,
  }
}
