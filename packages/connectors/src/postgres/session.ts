import type { Description, Role, Session } from '@lethe/eraser-kit'
import type { ClientBase, Pool } from 'pg'
import { readCatalogue } from './catalogue.js'
import { connect, LivePlan, openPool, type PostgresContext } from './database.js'
import { describe } from './describe.js'
import { eraseBatch } from './erase.js'
import { crossing } from './errors.js'
import { heldIdentifiers } from './held-identifiers.js'
import { previewSubjects } from './preview.js'
import { ensureInstalled, pruneReceipts, readMarker, readReceipts } from './receipts.js'
import { resolveSubjects } from './resolve.js'
import { compileAll, type Plan } from './targets.js'
import { Together } from './together.js'

/** Longest a read-only statement of preview or resolve may take, in milliseconds. */
const READ_MS = 30_000

/**
 * Opens the erasing side. Throws a TerminalError when the map does not fit the tables, when row-level
 * security would filter them, or when receipts can't be kept; a RetryableError when the store is away.
 */
export async function openSession(context: PostgresContext): Promise<Session> {
  const pool = openPool(context.options, `lethe ${context.systemId}`)
  const live = new LivePlan(pool, context)
  const together = new Together({ pool, live, context })
  // Preview and resolve also run with the probe's read-only role, which needs no receipts.
  let prepared: Promise<void> | null = null
  const prepare = () => {
    prepared ??= guarded('prepare receipts', () => ensureInstalled(pool)).catch((error: unknown) => {
      prepared = null
      throw error
    })
    return prepared
  }
  // Readiness asks every few seconds; proofs are repeated when the catalogue was read again.
  const described = new Map<Role, { plan: Plan; description: Promise<Description> }>()
  const withReceipts = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    await prepare()
    return guarded(doing, work)
  }
  try {
    await live.current()
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    resolve: async (known) => {
      const { plan } = await live.current()
      return guarded('resolve', () => reading(pool, (db) => resolveSubjects(db, plan, known)))
    },
    preview: async (subjects) => {
      const { plan } = await live.current()
      return guarded('preview', () => reading(pool, (db) => previewSubjects(db, plan, subjects)))
    },
    erase: async (batch, io) => {
      await prepare()
      return eraseBatch({ pool, live, context }, batch, io)
    },
    replay: async (passes, io, slot) => {
      await prepare()
      return together.replay(passes, io, slot)
    },
    identifiers: async (signal) => {
      const { plan } = await live.current()
      return heldIdentifiers(pool, plan, signal)
    },
    receipts: {
      read: (keys) => withReceipts('read receipts', () => readReceipts(pool, keys)),
      marker: () => withReceipts('read the marker', () => readMarker(pool)),
      prune: (before) => withReceipts('prune receipts', () => pruneReceipts(pool, before)),
    },
    describe: async (role = 'erase') => {
      // An eraser makes its receipts when it starts, not in the middle of whatever the store goes through later.
      if (role === 'erase') await prepare()
      const { plan } = await live.current()
      const known = described.get(role)
      if (known?.plan === plan) {
        await guarded('answer', () => pool.query('SELECT 1'))
        return known.description
      }
      const description = guarded('describe itself', () =>
        reading(pool, (db) => describe(db, plan, context.system, role, [], context.neverHeld)),
      )
      described.set(role, { plan, description })
      description.catch(() => described.delete(role))
      return description
    },
    close: () => pool.end(),
  }
}

/**
 * What a data map would meet in these tables, also one that does not fit them at all: everything at once,
 * where opening stops at the first. Throws like `openSession` when the store can't be asked.
 */
export async function checkMap(context: PostgresContext, role: Role): Promise<Description> {
  const pool = openPool({ ...context.options, connections: 1 }, `lethe check ${context.systemId}`)
  try {
    return await guarded('check the data map', () =>
      reading(pool, async (db) => {
        const { system, tenant, canonical } = context
        const { plan, misfits } = compileAll(system, await readCatalogue(db), tenant, canonical)
        return describe(db, plan, system, role, misfits, context.neverHeld)
      }),
    )
  } finally {
    await pool.end()
  }
}

async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw crossing(error, doing)
  }
}

async function reading<T>(pool: Pool, work: (db: ClientBase) => Promise<T>): Promise<T> {
  const client = await connect(pool)
  let usable = false
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await client.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('row_security', 'off', true), set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true)`,
      [String(READ_MS)],
    )
    const result = await work(client)
    await client.query('COMMIT')
    usable = true
    return result
  } finally {
    if (!usable)
      usable = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      )
    client.release(!usable)
  }
}
