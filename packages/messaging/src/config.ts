import { readFileSync } from 'node:fs'
import { ConfigError } from '@lethe/service-host'
import { type KafkaClientName, kafkaClients } from './client/port.js'

/** Where Kafka is and how to authenticate. Every part of this package takes one. */
export interface KafkaConfig {
  /** The client library; default `kafkajs`. */
  readonly client?: KafkaClientName
  readonly brokers: readonly string[]
  /** Shown in the broker's logs and quotas; the service's name. */
  readonly clientId: string
  /** Put before every topic's and every group's name, e.g. `blue.`; empty by default. */
  readonly topicPrefix?: string
  /** PEM texts. An empty object trusts the system's certificate authorities. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
  /** Milliseconds; default 3000. */
  readonly connectionTimeoutMs?: number
  /** Milliseconds one request may take; default 30000. */
  readonly requestTimeoutMs?: number
}

type Environment = Readonly<Record<string, string | undefined>>
type Problems = { name: string; problem: string }[]

/**
 * Reads a KafkaConfig from environment variables: LETHE_KAFKA (comma separated brokers),
 * LETHE_TOPIC_PREFIX, LETHE_KAFKA_TLS (`true`), LETHE_KAFKA_CA, LETHE_KAFKA_CERT, LETHE_KAFKA_KEY
 * (files), LETHE_KAFKA_SASL (`plain`, `scram-sha-256`, `scram-sha-512`), LETHE_KAFKA_USERNAME,
 * LETHE_KAFKA_PASSWORD and LETHE_KAFKA_CLIENT (`kafkajs` or `platformatic`). Throws ConfigError naming every variable that is missing or unusable.
 */
export function kafkaConfigFromEnvironment(clientId: string, env: Environment = process.env): KafkaConfig {
  const problems: Problems = []
  const brokers = (env['LETHE_KAFKA'] ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter(Boolean)
  if (brokers.length === 0)
    problems.push({ name: 'LETHE_KAFKA', problem: 'is missing: set it to the brokers, e.g. 127.0.0.1:29092' })
  const tls = tlsFromEnvironment(env, problems)
  const sasl = saslFromEnvironment(env, problems)
  const client = clientFromEnvironment(env, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    brokers,
    clientId,
    client,
    topicPrefix: env['LETHE_TOPIC_PREFIX'] ?? '',
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
  }
}

function clientFromEnvironment(env: Environment, problems: Problems): KafkaClientName {
  const wanted = env['LETHE_KAFKA_CLIENT'] || 'kafkajs'
  const known = kafkaClients.find((name) => name === wanted)
  if (!known)
    problems.push({
      name: 'LETHE_KAFKA_CLIENT',
      problem: `must be ${kafkaClients.join(' or ')}, or left out`,
    })
  return known ?? 'kafkajs'
}

function tlsFromEnvironment(env: Environment, problems: Problems): KafkaConfig['tls'] {
  const file = (name: string): string | undefined => {
    const path = env[name]
    if (!path) return undefined
    try {
      return readFileSync(path, 'utf8')
    } catch {
      problems.push({ name, problem: 'names a file that can not be read' })
      return undefined
    }
  }
  const tls = { ca: file('LETHE_KAFKA_CA'), cert: file('LETHE_KAFKA_CERT'), key: file('LETHE_KAFKA_KEY') }
  return env['LETHE_KAFKA_TLS'] === 'true' || Object.values(tls).some(Boolean) ? tls : undefined
}

function saslFromEnvironment(env: Environment, problems: Problems): KafkaConfig['sasl'] {
  const mechanism = env['LETHE_KAFKA_SASL']
  if (!mechanism) return undefined
  const [username, password] = ['LETHE_KAFKA_USERNAME', 'LETHE_KAFKA_PASSWORD'].map((name) => {
    if (!env[name]) problems.push({ name, problem: 'is missing, and LETHE_KAFKA_SASL needs it' })
    return env[name] ?? ''
  }) as [string, string]
  if (mechanism === 'plain' || mechanism === 'scram-sha-256' || mechanism === 'scram-sha-512')
    return { mechanism, username, password }
  problems.push({
    name: 'LETHE_KAFKA_SASL',
    problem: 'must be plain, scram-sha-256 or scram-sha-512',
  })
  return undefined
}

/** The name a topic has in this deployment's Kafka. */
export function physicalTopic(config: Pick<KafkaConfig, 'topicPrefix'>, topic: string): string {
  return `${config.topicPrefix ?? ''}${topic}`
}

/**
 * The name a consumer group has in this deployment's Kafka: two stacks on one broker share neither topics
 * nor offsets. Everywhere else (metrics, dead letters, redrives) a group has its logical name.
 */
export function physicalGroup(config: Pick<KafkaConfig, 'topicPrefix'>, group: string): string {
  return `${config.topicPrefix ?? ''}${group}`
}

/** Where `group` puts what it could not handle of `topic`, without the deployment's prefix. */
export function deadLetterTopic(topic: string, group: string): string {
  return `${topic}.${group}.dlq`
}
