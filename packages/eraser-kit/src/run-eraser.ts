import { KafkaBatchStrategy } from '@lethe/messaging'
import {
  createLogger,
  type RunningService,
  runMain,
  runService,
  type ServiceOptions,
  startService,
} from '@lethe/service-host'
import { type EraserConfig, eraserConfig } from './config.js'
import type { Connector } from './connector.js'
import { EraserModule, storeCheck } from './eraser.module.js'
import { MapCheck } from './map-check.js'
import { Systems } from './systems.js'

/** Runs a connector as this process, in the role and for the system the environment names. Does not return. */
export function runEraser<Options, System>(connector: Connector<Options, System>): Promise<void> {
  // The host hands options and sections through without looking at them.
  const hosted = connector as unknown as Connector
  return runMain(`eraser-${connector.kind}`, () => runService(eraserService(hosted, eraserConfig())))
}

/** The same inside a process that goes on, for specs. */
export function startEraser<Options, System>(
  connector: Connector<Options, System>,
  config: EraserConfig,
): Promise<RunningService> {
  return startService(eraserService(connector as unknown as Connector, config))
}

/** What an eraser or a probe calls itself in logs and metrics. */
export const eraserName = ({ role, systemId }: Pick<EraserConfig, 'role' | 'systemId'>): string =>
  `${role}.${systemId}`

/** One deployment of a connector as a service: its module, its consumer, and what `/readyz` asks. */
export function eraserService(connector: Connector, config: EraserConfig): ServiceOptions {
  const name = eraserName(config)
  const logger = createLogger(name)
  return {
    name,
    logger,
    module: EraserModule.forConnector(connector, config, logger),
    port: config.port,
    microservice: (app) => app.get(KafkaBatchStrategy),
    readiness: (app) => [
      { name: 'store', check: () => storeCheck(config.role, app.get(Systems)) },
      { name: 'map', check: () => app.get(MapCheck).ready() },
    ],
  }
}
