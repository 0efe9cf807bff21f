import { type Connector, eraserConfig, eraserName, eraserService } from '@lethe/eraser-kit'
import { aggregatorConfig, aggregatorService } from '@lethe/service-aggregator'
import { ConfigError, type Environment, type HostedService } from '@lethe/service-host'
import { opsConfig, opsService } from '@lethe/service-ops'
import { requestConfig, requestService } from '@lethe/service-request'
import { restoreConfig, restoreService } from '@lethe/service-restore'
import type { Section } from './config.js'

/** Parses a service's settings; what it returns opens the service as its own `main.ts` does. */
type Program = (settings: Environment) => HostedService

/**
 * Erasers and probes stop first, because they ask the others; then those that fold, replay and show;
 * `request`, which everybody asks, last.
 */
const tiers = { asked: 0, asking: 1, erasing: 2 } as const

const eraser =
  (load: () => Promise<unknown>): Program =>
  (settings) => {
    const config = eraserConfig(settings)
    return {
      name: eraserName(config),
      tier: tiers.erasing,
      open: async () => eraserService((await load()) as Connector, config),
    }
  }

/** By folder below `services/`. A connector is loaded when a section asks for it. */
const programs: Readonly<Record<string, Program>> = {
  request: (settings) => {
    const config = requestConfig(settings)
    return { name: 'request', tier: tiers.asked, open: () => requestService(config) }
  },
  aggregator: (settings) => {
    const config = aggregatorConfig(settings)
    return { name: 'aggregator', tier: tiers.asking, open: () => aggregatorService(config) }
  },
  restore: (settings) => {
    const config = restoreConfig(settings)
    return { name: 'restore', tier: tiers.asking, open: () => restoreService(config) }
  },
  ops: (settings) => {
    const config = opsConfig(settings)
    return { name: 'ops', tier: tiers.asking, open: () => opsService(config) }
  },
  'erasers/elasticsearch': eraser(
    async () => (await import('@lethe/connectors/elasticsearch')).elasticsearch,
  ),
  'erasers/postgres': eraser(async () => (await import('@lethe/connectors/postgres')).postgres),
  'erasers/redis': eraser(async () => (await import('@lethe/connectors/redis')).redis),
}

/**
 * Every section as a service that is ready to be opened. All of them are parsed before any is opened, so that a
 * person corrects the file in one go.
 *
 * @throws ConfigError naming sections and settings.
 */
export function servicesOf(sections: readonly Section[]): HostedService[] {
  const problems: ConfigError['problems'][number][] = []
  const services = new Map<string, HostedService>()
  for (const { name, program, settings } of sections) {
    try {
      const parse = Object.hasOwn(programs, program) ? programs[program] : undefined
      if (!parse) throw problem('program', `is none; there are ${Object.keys(programs).join(', ')}`)
      const service = parse(settings)
      if (services.has(service.name)) throw problem('program', `is ${service.name}, which is there already`)
      services.set(service.name, service)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(...error.problems.map((one) => ({ ...one, name: `${name}.${one.name}` })))
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return [...services.values()]
}

const problem = (name: string, text: string): ConfigError => new ConfigError([{ name, problem: text }])
