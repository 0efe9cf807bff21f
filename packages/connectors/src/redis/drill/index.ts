import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DrillContext, type DrillSession, type Identifier, TerminalError } from '@lethe/eraser-kit'
import { Redis } from 'ioredis'
import { madeUp } from '../../drill-tools/made-up.js'
import { runTool } from '../../drill-tools/run-tool.js'
import { weigh } from '../../drill-tools/weigh.js'
import { guarded } from '../errors.js'
import type { RedisSystem } from '../grammar.js'
import type { RedisOptions } from '../options.js'
import { Store } from '../store.js'
import { keysOf } from './person.js'
import { BACKUP, startScratch, stopScratch } from './scratch.js'

type RedisDrill = DrillContext<RedisOptions, RedisSystem>

/** A drill with `redis-cli --rdb`, and a redis-server of its own on this machine. */
export async function openDrill(context: RedisDrill): Promise<DrillSession> {
  return new RedisDrilling(context)
}

class RedisDrilling implements DrillSession {
  private readonly file: string
  private planted: readonly string[] = []

  constructor(private readonly drill: RedisDrill) {
    this.file = join(drill.folder, BACKUP)
  }

  check(tenantId: string): Promise<Readonly<Record<string, string>>> {
    const { tools: folders } = this.drill
    return this.with(async (store) => {
      const [facts] = await store.facts()
      await this.wanted(store, tenantId, madeUp(this.drill.drillId))
      const tool = { folders, signal: AbortSignal.timeout(10_000), args: ['--version'] }
      const cli = await runTool({ ...tool, name: 'redis-cli' })
      const server = await runTool({ ...tool, name: 'redis-server' })
      return { store: facts?.version ?? 'unknown', redis_cli: versionIn(cli), scratch: versionIn(server) }
    })
  }

  plant(
    tenantId: string,
    known: (identifiers: readonly Identifier[]) => Promise<void>,
    same: readonly Identifier[] = [],
  ): Promise<void> {
    const { canonical, drillId } = this.drill
    const value = same.find(({ type }) => type === canonical)?.value ?? madeUp(drillId)
    return this.with(async (store) => {
      const keys = await this.wanted(store, tenantId, value)
      await known(same.length > 0 ? same : [{ type: canonical, value }])
      this.planted = keys
      for (const key of keys)
        await guarded('put the person of the drill in', () => store.client.set(key, 'drill'))
    })
  }

  async backUp(signal: AbortSignal): Promise<{ takenAt: number; bytes: number; sha256: string }> {
    const { hostname, port, username, password, protocol } = new URL(this.drill.options.url)
    const user = username === '' ? [] : ['--user', decodeURIComponent(username)]
    const takenAt = Date.now()
    await runTool({
      name: 'redis-cli',
      folders: this.drill.tools,
      args: [
        '-h',
        hostname,
        '-p',
        port || '6379',
        ...user,
        ...(protocol === 'rediss:' ? ['--tls'] : []),
        '--no-auth-warning',
        '--rdb',
        this.file,
      ],
      env: password === '' ? {} : { REDISCLI_AUTH: decodeURIComponent(password) },
      signal,
      advise: (printed) =>
        /NOPERM/.test(printed)
          ? 'The user may not copy everything: it needs +psync, +sync and +replconf.'
          : undefined,
    })
    return { takenAt, ...(await weigh(this.file)) }
  }

  async restore(signal: AbortSignal): Promise<string> {
    const scratch = new URL(await startScratch(this.drill.folder, this.drill.tools, signal))
    // The same logical database as in use.
    scratch.pathname = new URL(this.drill.options.url).pathname
    return scratch.href
  }

  async count(copy: string): Promise<number> {
    const client = new Redis(copy, { lazyConnect: true, maxRetriesPerRequest: 0 })
    client.on('error', () => undefined)
    return guarded('look for the person of the drill', async () => {
      try {
        await client.connect()
        return await client.exists(...this.planted)
      } finally {
        client.disconnect()
      }
    })
  }

  async clear(): Promise<void> {
    await stopScratch(this.drill.folder)
    await rm(this.drill.folder, { recursive: true, force: true })
  }

  async close(): Promise<void> {}

  /** Keys of the made-up person, none of which is there. */
  private async wanted(store: Store, tenantId: string, person: string): Promise<string[]> {
    const { system, canonical, tenant } = this.drill
    if (store.cluster)
      throw new TerminalError(
        'drill_unsupported',
        'There are no drills of a Redis cluster yet, only of one server.',
      )
    const keys = keysOf(system, canonical, person, 'constant' in tenant ? tenant.constant : tenantId)
    if ((await guarded('look for the person of the drill', () => store.client.exists(...keys))) > 0)
      throw new TerminalError('drill_not_alone', 'Keys of the made-up person are there already: drill again.')
    return keys
  }

  private async with<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const store = await Store.open(this.drill.options)
    try {
      return await work(store)
    } finally {
      store.close()
    }
  }
}

const versionIn = (text: string): string => /(\d+(\.\d+)+)/.exec(text)?.[1] ?? 'unknown'
