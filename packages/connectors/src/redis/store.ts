import { PausedError, RetryableError } from '@lethe/eraser-kit'
import slotOf from 'cluster-key-slot'
import { Cluster, Redis } from 'ioredis'
import { crossing, guarded } from './errors.js'
import type { RedisOptions } from './options.js'
import { tagOfSlot } from './slots.js'

/** What a node says of itself. */
export interface Facts {
  readonly version: string
  readonly cluster: boolean
  /** Replication id and offset: after a change, where the change is. */
  readonly position: string
  /** Which process answers, and which history it goes on with. */
  readonly run: string
  /** Whether the server may throw Lethe's own keys away under memory pressure. */
  readonly evicts: boolean
  readonly policy: string
}

const TIMEOUTS = { connectTimeout: 5_000, commandTimeout: 10_000 }

/** One Redis or one cluster, seen through one user. Commands are routed by key; SCAN goes to `masters()`. */
export class Store {
  private constructor(
    readonly client: Redis | Cluster,
    readonly cluster: boolean,
  ) {}

  /** Connects and refuses a replica. Throws Retryable, Paused or Terminal, never the client's error. */
  static async open(options: RedisOptions): Promise<Store> {
    const single = new Redis(options.url, {
      ...TIMEOUTS,
      lazyConnect: true,
      protocol: 2,
      enableAutoPipelining: true,
      // A command whose answer was lost fails at once: repeating it is the caller's, who knows what it means.
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(times * 50, 2_000),
    })
    let last: unknown
    // Commands report failures themselves; here the reason of a failed connect is kept.
    single.on('error', (error) => {
      last = error
    })
    try {
      await single.connect()
      const { cluster } = parseFacts(await single.info())
      if (!cluster) return new Store(single, false)
    } catch (error) {
      single.disconnect()
      throw crossing(isReply(error) ? error : (last ?? error), 'connect')
    }
    single.disconnect()
    return new Store(await openCluster(options), true)
  }

  masters(): Redis[] {
    return this.client instanceof Cluster ? this.client.nodes('master') : [this.client]
  }

  /** Masters and replicas: whom a user may reach. */
  nodes(): Redis[] {
    return this.client instanceof Cluster ? this.client.nodes('all') : [this.client]
  }

  /** Facts of every master. Throws PausedError when a node is a replica: it may lag, and takes no writes. */
  async facts(): Promise<Facts[]> {
    return guarded('describe itself', async () =>
      (await Promise.all(this.masters().map((node) => node.info()))).map(parseFacts),
    )
  }

  /** Hash tag that puts a key of Lethe's into the same slot as `key`; empty where there are no slots. */
  tagOf(key: Buffer): string {
    return this.cluster ? tagOfSlot(slotOf(key)) : ''
  }

  close(): void {
    this.client.disconnect()
  }
}

async function openCluster({ url }: RedisOptions): Promise<Cluster> {
  const { hostname, port, username, password, protocol } = new URL(url)
  const cluster = new Cluster([{ host: hostname, port: Number(port || 6379) }], {
    lazyConnect: true,
    enableAutoPipelining: true,
    scaleReads: 'master',
    clusterRetryStrategy: (times) => (times > 5 ? null : times * 100),
    redisOptions: {
      ...TIMEOUTS,
      protocol: 2,
      maxRetriesPerRequest: 0,
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  })
  let last: unknown
  cluster.on('error', (error) => {
    last = error
  })
  try {
    await cluster.connect()
    return cluster
  } catch (error) {
    cluster.disconnect()
    throw crossing(isReply(error) ? error : (last ?? error), 'connect to the cluster')
  }
}

function isReply(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'ReplyError'
}

/** Reads INFO. Throws for a server that can't be trusted to show and change everything. */
export function parseFacts(info: string): Facts {
  const fields = new Map(info.split('\r\n').map((line) => line.split(/:(.*)/s, 2) as [string, string]))
  const field = (name: string) => fields.get(name) ?? ''
  if (field('loading') === '1') throw new RetryableError('store_busy', 'Redis is still loading its data.')
  if (field('role') !== 'master') {
    throw new PausedError('replica', 'The server is a replica: give the address of the master.')
  }
  const policy = field('maxmemory_policy')
  return {
    version: field('redis_version'),
    cluster: field('cluster_enabled') === '1',
    run: `${field('run_id')}/${field('master_replid')}`,
    position: `${field('master_replid')}:${field('master_repl_offset')}`,
    evicts: policy.startsWith('allkeys') && field('maxmemory') !== '0',
    policy,
  }
}
