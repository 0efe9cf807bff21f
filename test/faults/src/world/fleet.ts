import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import {
  connectServer,
  kafkaServer,
  lethesProcesses,
  type ProcessSpec,
  postgresServer,
  redisServer,
  registryServer,
  type StackContext,
} from '@lethe/infra'
import { type Service, services } from '../plan/faults.js'
import type { Clocks } from './clocks.js'
import type { Toxiproxy } from './toxiproxy.js'

/** Where Lethe's processes reach what they need: proxies where there are any, else the servers themselves. */
export interface Reach {
  readonly lethePg: number
  readonly shopPg: number
  readonly redis: number
  readonly search: number
  readonly kafka: number
  readonly request: number
  readonly registry: number
}

/** Ports beyond those of the usual stack, within the range that was found free. */
export const worldPorts = (context: StackContext) => {
  const from = context.at.ports.erasersFrom
  return {
    second: (service: Service) => from + 40 + services.indexOf(service),
    search: { erase: from + 30, probe: from + 31 },
    proxy: (index: number) => from + 60 + index,
    kafkaListener: from + 58,
    toxiproxy: from + 59,
  }
}

/** The servers of the stack, as the local stack starts them, with what a fault run asks of them besides. */
export function serverSpecs(context: StackContext, proxiedKafka: number | null): ProcessSpec[] {
  const cache = redisServer(context)
  const broker = kafkaServer(context)
  return [
    postgresServer(context, 'lethe'),
    postgresServer(context, 'shop'),
    // A crash of this cache may lose a second of writes; then the twins would differ for no fault of Lethe's.
    { ...cache, args: [...cache.args, '--appendfsync', 'always'] },
    { ...broker, prepare: () => preparedBroker(context, broker, proxiedKafka) },
    registryServer(context),
    connectServer(context),
  ]
}

/** A second listener whose advertised address is the proxy: otherwise clients would go around it. */
async function preparedBroker(
  context: StackContext,
  spec: ProcessSpec,
  proxied: number | null,
): Promise<void> {
  await spec.prepare?.()
  if (proxied === null) return
  const file = context.state.file('config', 'kafka.properties')
  const { kafkaListener } = worldPorts(context)
  const text = readFileSync(file, 'utf8')
    .replace(/^(listeners=.*)$/m, `$1,PROXIED://127.0.0.1:${kafkaListener}`)
    .replace(/^(advertised\.listeners=.*)$/m, `$1,PROXIED://127.0.0.1:${proxied}`)
  writeFileSync(file, text)
  appendFileSync(
    file,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT\n',
  )
}

export interface Member {
  readonly target: Service
  readonly instance: number
  readonly spec: ProcessSpec
}

/** Lethe's processes: one request and one probe per system, two of everything else. */
export function members(
  context: StackContext,
  reach: Reach,
  files: { dataMap: string; credentials: string; searchToken: (role: string) => string },
  clocks: Clocks | null,
): Member[] {
  const { at } = context
  const ports = worldPorts(context)
  const local = (port: number) => `http://127.0.0.1:${port}`
  const moved = (url: string, port: number) => {
    const changed = new URL(url)
    changed.port = String(port)
    return changed.href
  }
  const routed: StackContext = {
    ...context,
    at: {
      ...at,
      brokers: [`127.0.0.1:${reach.kafka}`],
      registryUrl: moved(at.registryUrl, reach.registry),
      lethePostgresUrl: moved(at.lethePostgresUrl, reach.lethePg),
      shopPostgresUrl: moved(at.shopPostgresUrl, reach.shopPg),
      shopRedisUrl: moved(at.shopRedisUrl, reach.redis),
    },
  }
  const usual = new Map(lethesProcesses(routed).map((spec) => [spec.name as Service, spec]))
  const requestUrl = local(reach.request)
  const specs = services.flatMap((target): Member[] => {
    const spec = target.endsWith('-search') ? searchSpec(target) : usual.get(target)
    if (!spec) throw new Error(`there is no process ${target}`)
    const env = { ...spec.env, ...extra(target) }
    const first = { target, instance: 0, spec: { ...spec, env } }
    if (target !== 'aggregator' && !target.startsWith('eraser-')) return [first]
    return [first, { target, instance: 1, spec: onPort(first.spec, `${target}-2`, ports.second(target)) }]
  })
  return specs.map((member) => ({
    ...member,
    spec: { ...member.spec, env: { ...member.spec.env, ...clocks?.environment(member.spec.name) } },
  }))

  function extra(target: Service): Record<string, string> {
    if (target === 'request')
      return {
        LETHE_DATA_MAP: files.dataMap,
        LETHE_CREDENTIALS: files.credentials,
        LETHE_PROBES: `${usual.get('request')?.env?.['LETHE_PROBES']},search=${local(ports.search.probe)}`,
      }
    return target === 'aggregator' ? {} : { LETHE_REQUEST_URL: requestUrl }
  }

  function searchSpec(target: Service): ProcessSpec {
    const role = target.startsWith('eraser') ? 'erase' : 'probe'
    const like = usual.get(role === 'erase' ? 'eraser-cache' : 'probe-cache')
    if (!like) throw new Error('the cache has no processes to take after')
    const { SHOP_REDIS: _, ...env } = like.env ?? {}
    const program = (like.args.at(-1) as string).replace('erasers/redis', 'erasers/elasticsearch')
    const spec = { ...like, args: [...like.args.slice(0, -1), program] }
    const own = {
      ...env,
      LETHE_SYSTEM: 'search',
      LETHE_TOKEN: files.searchToken(role),
      SHOP_SEARCH: local(reach.search),
    }
    return onPort({ ...spec, env: own }, target, ports.search[role])
  }

  function onPort(spec: ProcessSpec, name: string, port: number): ProcessSpec {
    const url = `${local(port)}/readyz`
    const env = { ...spec.env, LETHE_PORT: String(port) }
    return { ...spec, name, env, ports: [port], healthy: async () => answers(url) }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    // Refused, reset or late: not yet.
    return false
  }
}

/** The stack's callers, and an eraser and a probe of the search system. */
export function credentialsWithSearch({ state, secrets }: StackContext): {
  file: string
  token: (role: string) => string
} {
  const tokens = new Map(['erase', 'probe'].map((role) => [role, randomBytes(32).toString('base64url')]))
  const known = JSON.parse(readFileSync(secrets.credentialsFile, 'utf8')) as { id: string }[]
  const added = [...tokens].map(([role, token]) => {
    const prefix = role === 'erase' ? 'eraser' : 'probe'
    // What an eraser and a probe may do is said in one place: where the cache's are made.
    const like = known.find(({ id }) => id === `${prefix}-cache`)
    const sha256 = createHash('sha256').update(token).digest('hex')
    return { ...like, id: `${prefix}-search`, systemId: 'search', sha256 }
  })
  const file = state.file('secrets', 'credentials-with-search.json')
  writeFileSync(file, JSON.stringify([...known, ...added]), { mode: 0o600 })
  return { file, token: (role) => tokens.get(role) ?? '' }
}

/** Proxies for every link, and where Lethe's processes then go. */
export async function reachThrough(
  proxies: Toxiproxy | null,
  context: StackContext,
  searchPort: number,
): Promise<{ reach: Reach; cdcPg: number }> {
  const { ports } = context.at
  const direct = {
    lethePg: ports.lethePostgres,
    shopPg: ports.shopPostgres,
    redis: ports.shopRedis,
    search: searchPort,
    kafka: ports.kafka,
    request: ports.request,
    registry: ports.registry,
  }
  if (!proxies) return { reach: direct, cdcPg: ports.lethePostgres }
  const own = worldPorts(context)
  const names = {
    lethePg: 'lethe-pg',
    shopPg: 'shop-pg',
    redis: 'redis',
    search: 'search',
    kafka: 'kafka',
    request: 'request',
    registry: 'registry',
  } as const
  const entries = await Promise.all(
    Object.entries(names).map(async ([key, link], index) => {
      const upstream = link === 'kafka' ? own.kafkaListener : direct[key as keyof Reach]
      await proxies.add(link, own.proxy(index), upstream)
      return [key, own.proxy(index)] as const
    }),
  )
  await proxies.add('cdc', own.proxy(entries.length), ports.lethePostgres)
  return { reach: Object.fromEntries(entries) as unknown as Reach, cdcPg: own.proxy(entries.length) }
}

/** The proxy's port has to stand in the broker's configuration before anything else is known of it. */
export const kafkaProxyPort = (context: StackContext): number => worldPorts(context).proxy(4)
