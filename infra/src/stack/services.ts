import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { StackContext } from './context.js'
import { urlAs } from './databases.js'
import { headOf } from './head.js'
import { answersHttp } from './health.js'
import { heapArgs, heapEnv, nodeArgs } from './node-args.js'
import type { ProcessSpec } from './processes.js'
import { rootDir } from './state.js'

const erasers = [
  { systemId: 'shop-pg', entry: 'services/erasers/postgres/dist/main.js' },
  { systemId: 'cache', entry: 'services/erasers/redis/dist/main.js' },
] as const

/** Lethe's own processes: request, aggregator, restore, ops, and per system an eraser and a probe. */
export function lethesProcesses(context: StackContext, extra: Record<string, string> = {}): ProcessSpec[] {
  const specs = [
    request(context),
    aggregator(context),
    restore(context),
    ops(context),
    ...erasers.flatMap(({ systemId, entry }) =>
      (['erase', 'probe'] as const).map((role) => eraser(context, systemId, entry, role)),
    ),
  ]
  return specs.map((spec) => ({ ...spec, env: { ...spec.env, ...extra } }))
}

/** The data map the services run with: LETHE_DATA_MAP, or the demo shop's. */
export const dataMapFile = (): string =>
  process.env.LETHE_DATA_MAP ?? join(rootDir, 'test', 'src', 'shop', 'data-map.yaml')

function request(context: StackContext): ProcessSpec {
  const { at, secrets } = context
  const probes = erasers.map(({ systemId }) => `${systemId}=http://127.0.0.1:${at.erasers[systemId].probe}`)
  return service(context, 'request', 'services/request/dist/main.js', at.ports.request, {
    LETHE_PG_URL: urlAs(at.lethePostgresUrl, 'lethe_request', secrets.password('lethe_request')),
    LETHE_CREDENTIALS: secrets.credentialsFile,
    LETHE_DATA_MAP: dataMapFile(),
    LETHE_GRANT_SECRET: secrets.grantSecret,
    LETHE_PEPPERS: secrets.peppers,
    LETHE_VAULT_KEYS: secrets.vaultKeysFile,
    LETHE_PROBES: probes.join(','),
    LETHE_PROBE_TOKEN: secrets.probeToken,
    ...headOf(context),
  })
}

function aggregator(context: StackContext): ProcessSpec {
  const { at, secrets } = context
  return service(context, 'aggregator', 'services/aggregator/dist/main.js', at.ports.aggregator, {
    LETHE_PG_URL: urlAs(at.lethePostgresUrl, 'lethe_aggregator', secrets.password('lethe_aggregator')),
    LETHE_GRANT_SECRET: secrets.grantSecret,
    LETHE_CONNECT_URL: at.connectUrl,
    ...headOf(context),
  })
}

function restore(context: StackContext): ProcessSpec {
  const { at, secrets, tools } = context
  const store = (url: string) => urlAs(url, 'shop_restore', secrets.password('shop_restore'))
  return service(context, 'restore', 'services/restore/dist/main.js', at.ports.restore, {
    LETHE_PG_URL: urlAs(at.lethePostgresUrl, 'lethe_restore', secrets.password('lethe_restore')),
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_TOKEN: secrets.token('restore'),
    LETHE_CREDENTIALS: secrets.credentialsFile,
    LETHE_MARKER_SECRET: secrets.markerSecret,
    ...headOf(context),
    LETHE_SYSTEMS: 'shop-pg:postgres,cache:redis',
    LETHE_POLL_MS: '1000',
    // It erases as the eraser does, so that what it makes belongs to the eraser; the gate it shuts as itself.
    SHOP_PG: actingAs(store(at.shopPostgresUrl), 'shop_eraser'),
    SHOP_REDIS: store(at.shopRedisUrl),
    LETHE_DRILL_TOKEN: secrets.token('restore-drill'),
    // Whoever makes the shop's backups; here copies go onto the same server.
    SHOP_PG_DRILL: at.shopPostgresUrl,
    SHOP_PG_SCRATCH: new URL('/postgres', at.shopPostgresUrl).href,
    ...(tools.postgresBin === ''
      ? {}
      : { LETHE_DRILL_TOOLS: `${tools.postgresBin}:${dirname(tools.redisServer)}` }),
  })
}

function ops(context: StackContext): ProcessSpec {
  const { at, secrets } = context
  return service(context, 'ops', 'services/ops/dist/main.js', at.ports.ops, {
    LETHE_PG_URL: urlAs(at.lethePostgresUrl, 'lethe_ops', secrets.password('lethe_ops')),
    LETHE_CREDENTIALS: secrets.credentialsFile,
    LETHE_CONNECT_URL: at.connectUrl,
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_RESTORE_URL: `http://127.0.0.1:${at.ports.restore}`,
  })
}

function actingAs(url: string, role: string): string {
  const changed = new URL(url)
  changed.searchParams.set('options', `-c role=${role}`)
  return changed.href
}

function eraser(
  context: StackContext,
  systemId: (typeof erasers)[number]['systemId'],
  entry: string,
  role: 'erase' | 'probe',
): ProcessSpec {
  const { at, secrets } = context
  const user = role === 'erase' ? 'shop_eraser' : 'shop_probe'
  const name = role === 'erase' ? `eraser-${systemId}` : `probe-${systemId}`
  const [secretName, store] =
    systemId === 'shop-pg' ? ['SHOP_PG', at.shopPostgresUrl] : ['SHOP_REDIS', at.shopRedisUrl]
  return service(context, name, entry, at.erasers[systemId][role], {
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_TOKEN: secrets.token(name),
    LETHE_SYSTEM: systemId,
    LETHE_ROLE: role,
    ...(role === 'probe' ? { LETHE_PROBE_TOKEN: secrets.probeToken } : {}),
    [secretName]: urlAs(store, user, secrets.password(user)),
  })
}

function service(
  { at, state }: StackContext,
  name: string,
  entry: string,
  port: number,
  env: Record<string, string>,
): ProcessSpec {
  const program = join(rootDir, entry)
  return {
    name,
    command: process.execPath,
    args: nodeArgs(program, heapArgs(name)),
    env: {
      ...heapEnv(name),
      NODE_ENV: 'production',
      ...passedThrough(),
      LETHE_KAFKA: at.brokers.join(','),
      LETHE_REGISTRY_URL: at.registryUrl,
      LETHE_PORT: String(port),
      ...env,
    },
    cwd: state.path,
    ports: [port],
    prepare: async () => {
      if (!existsSync(program)) throw new Error(`${entry} is not built. Run: npm run build`)
    },
    healthy: () => answersHttp(`http://127.0.0.1:${port}/readyz`),
    deadlineMs: 180_000,
  }
}

/** Settings of the caller's shell that reach Lethe's processes; everything else, secrets above all, does not. */
function passedThrough(): Record<string, string> {
  const names = ['LETHE_KAFKA_CLIENT', 'LETHE_LOG_LEVEL', 'LETHE_TOPIC_PREFIX']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
}
