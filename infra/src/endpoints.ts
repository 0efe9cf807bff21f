import { readFileSync } from 'node:fs'

/** Every port of the local stack by name, read from `infra/ports.json`. */
export type PortName =
  | 'request'
  | 'aggregator'
  | 'restore'
  | 'sentinel'
  | 'ops'
  | 'oneProcess'
  | 'registryManagement'
  | 'registry'
  | 'connect'
  | 'kafka'
  | 'kafkaController'
  | 'erasersFrom'
  | 'elasticsearch'
  | 'shopRedis'
  | 'lethePostgres'
  | 'shopPostgres'

/** Where one eraser system's two deployments listen. */
export interface EraserPorts {
  erase: number
  probe: number
}

/** Addresses of the local stack; all of them on loopback. */
export interface Endpoints {
  /** Bootstrap brokers in the form kafkajs wants. */
  brokers: string[]
  /** Apicurio's Confluent-compatible API. */
  registryUrl: string
  connectUrl: string
  /** Lethe's own database, as the superuser of the private cluster. */
  lethePostgresUrl: string
  /** The demo shop's database, which Lethe erases from. */
  shopPostgresUrl: string
  shopRedisUrl: string
  requestUrl: string
  aggregatorUrl: string
  /** Ports of the erase and probe deployments by systemId. */
  erasers: Record<'shop-pg' | 'cache', EraserPorts>
  ports: Record<PortName, number>
  /** What every port was moved by. */
  offset: number
}

const HOST = '127.0.0.1'

/** The systems of the demo shop in the order their ports are handed out. */
const ERASER_SYSTEMS = ['shop-pg', 'cache'] as const

/**
 * Reads the port table and moves every port by `LETHE_PORT_OFFSET`, so that a second stack can run
 * beside the first. Throws when the offset is not a whole number that leaves all ports below 65536.
 */
export function endpoints(offset: number = offsetFromEnvironment()): Endpoints {
  const ports = movedPorts(offset)
  const at = (name: PortName) => `${HOST}:${ports[name]}`
  const eraser = (index: number) => ({
    erase: ports.erasersFrom + index * 10,
    probe: ports.erasersFrom + index * 10 + 1,
  })
  return {
    brokers: [at('kafka')],
    registryUrl: `http://${at('registry')}/apis/ccompat/v7`,
    connectUrl: `http://${at('connect')}`,
    lethePostgresUrl: `postgres://postgres@${at('lethePostgres')}/lethe`,
    shopPostgresUrl: `postgres://postgres@${at('shopPostgres')}/shop`,
    shopRedisUrl: `redis://${at('shopRedis')}/0`,
    requestUrl: `http://${at('request')}`,
    aggregatorUrl: `http://${at('aggregator')}`,
    erasers: Object.fromEntries(
      ERASER_SYSTEMS.map((id, index) => [id, eraser(index)]),
    ) as Endpoints['erasers'],
    ports,
    offset,
  }
}

function movedPorts(offset: number): Record<PortName, number> {
  // Both src/ and dist/ lie directly below infra/, so one relative path serves both.
  const table = JSON.parse(readFileSync(new URL('../ports.json', import.meta.url), 'utf8')) as Record<
    PortName,
    number
  >
  const moved = Object.entries(table).map(([name, port]) => [name, port + offset] as const)
  const outside = moved.find(([, port]) => port < 1024 || port > 65_535)
  if (outside)
    throw new RangeError(
      `LETHE_PORT_OFFSET=${offset} moves ${outside[0]} to port ${outside[1]}, which does not exist`,
    )
  return Object.fromEntries(moved) as Record<PortName, number>
}

function offsetFromEnvironment(): number {
  const text = process.env.LETHE_PORT_OFFSET ?? '0'
  const offset = Number(text)
  if (text.trim() === '' || !Number.isInteger(offset))
    throw new RangeError(`LETHE_PORT_OFFSET must be a whole number, not "${text}"`)
  return offset
}
