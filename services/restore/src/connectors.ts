import type { Connector } from '@lethe/eraser-kit'
import { ConfigError } from '@lethe/service-host'

/** Loaded when a system of that kind is watched: nobody pays for clients they do not use. */
const kinds: Readonly<Record<string, () => Promise<Connector>>> = {
  postgres: async () => (await import('@lethe/connectors/postgres')).postgres as unknown as Connector,
  redis: async () => (await import('@lethe/connectors/redis')).redis as unknown as Connector,
  elasticsearch: async () =>
    (await import('@lethe/connectors/elasticsearch')).elasticsearch as unknown as Connector,
}

/** @throws ConfigError for a kind nobody knows. */
export async function connectorOf(kind: string): Promise<Connector> {
  const load = kinds[kind]
  if (load) return load()
  const problem = `names the kind "${kind}"; known are ${Object.keys(kinds).join(', ')}`
  throw new ConfigError([{ name: 'LETHE_SYSTEMS', problem }])
}
