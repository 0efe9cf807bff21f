import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  down,
  freeOffset,
  OUTBOX_CONNECTOR,
  openContext,
  removeOutboxConnector,
  type StackContext,
  up,
  withClient,
} from '@lethe/infra'
import { dropSlot } from './installation.js'

/** How much of everything one run measures. */
export interface Sizes {
  readonly repetitions: number
  /** Requests of Lethe per repetition, with real stores. */
  readonly stores: number
  readonly sequential1: number
  readonly sequential32: number
  /** Requests per repetition without stores. */
  readonly noop: number
  /** Requests whose bytes at rest are counted. */
  readonly storage: number
  readonly bare: number
  readonly jobs: number
  /** Seconds of open-loop load. */
  readonly openLoopSeconds: number
  readonly redisKeys: number
  readonly people: number
  /** Events of the log that is rebuilt. */
  readonly events: number
  /** Requests of the long run. */
  readonly endurance: number
}

/** What every measure is given. */
export interface Ground {
  readonly context: StackContext
  readonly sizes: Sizes
  say(text: string): void
}

const rootDir = fileURLToPath(new URL('../../../..', import.meta.url))

/**
 * A stack of its own with `fsync=on` and JVMs that compile fully, ended and removed afterwards; or the one that
 * `LETHE_STATE` names, when it runs already.
 */
export async function withStack<T>(
  report: (line: string) => void,
  work: (context: StackContext) => Promise<T>,
): Promise<T> {
  process.env.LETHE_DURABLE = '1'
  const foreign = process.env.LETHE_STATE !== undefined
  if (!foreign) {
    process.env.LETHE_STATE = join(rootDir, '.lethe', `bench-${process.pid}`)
    process.env.LETHE_PORT_OFFSET ??= String(await freeOffset())
  }
  const interrupt = new AbortController()
  const interrupted = new Promise<never>((_, reject) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(name, () => {
        interrupt.abort(new Error(`interrupted by ${name}`))
        reject(new Error(`interrupted by ${name}`))
      })
  })
  interrupted.catch(() => {})
  try {
    await up('core', { signal: interrupt.signal, report })
    const context = await openContext()
    if (!foreign) await quieten(context)
    return await Promise.race([work(context), interrupted])
  } finally {
    if (!foreign) await down({ data: true })
  }
}

/** The stack's own connector reads a database nobody writes to; every measure registers one of its own. */
async function quieten(context: StackContext): Promise<void> {
  await removeOutboxConnector(context, OUTBOX_CONNECTOR)
  await withClient(context.at.lethePostgresUrl, (client) =>
    dropSlot(client, OUTBOX_CONNECTOR.replaceAll('-', '_')),
  )
}
