import { RequestClient, Systems } from '@lethe/eraser-kit/hosting'
import { Credentials, type Logger, Repeating } from '@lethe/service-host'
import { Pool } from 'pg'
import { RestoreStore } from './adapters/restore-store.js'
import { SweepStore } from './adapters/sweep-store.js'
import { TombstoneClient } from './adapters/tombstone-client.js'
import { Turns } from './adapters/turns.js'
import { Detector } from './application/detector.js'
import { Guard } from './application/guard.js'
import { Hooks } from './application/hooks.js'
import { Replay } from './application/replay.js'
import { Restores } from './application/restores.js'
import { Runs } from './application/runs.js'
import { Sweeping } from './application/sweeping.js'
import { Sweeps } from './application/sweeps.js'
import { type WatchedSystem, watchedSystem } from './application/watched-system.js'
import type { RestoreConfig } from './config.js'
import { connectorOf } from './connectors.js'

/** The service without its transports. */
export interface RestoreParts {
  readonly pool: Pool
  /** Connections that hold the turns on systems. */
  readonly locks: Pool
  readonly credentials: Credentials
  readonly guard: Guard
  readonly restores: Restores
  readonly watched: ReadonlySet<string>
  readonly sweeps: Sweeps
  /** What is done again and again. */
  readonly rounds: readonly Repeating[]
}

/** @throws ConfigError when a kind is not known; nothing connects before it is needed. */
export async function openParts(config: RestoreConfig, logger: Logger): Promise<RestoreParts> {
  const request = new RequestClient(config.requestUrl, config.token)
  const systems = new Map<string, WatchedSystem>()
  for (const [systemId, kind] of config.systems) {
    const connector = await connectorOf(kind)
    systems.set(
      systemId,
      watchedSystem(systemId, connector, new Systems(connector, systemId, request, config.secret)),
    )
  }
  const credentials = Credentials.read(config.credentialsFile)
  const pool = new Pool({ connectionString: config.pgUrl, max: 6, application_name: 'lethe-restore' })
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection broke'))
  const store = new RestoreStore(pool)
  const { markerSecret: secret, incarnation } = config
  const detector = new Detector({ store, secret, incarnation, logger })
  const source = new TombstoneClient(config.requestUrl, config.token)
  const replay = new Replay(store, source)
  const runs = new Runs({ store, replay, detector, hooks: new Hooks(store), secret, incarnation, logger })
  const locks = new Pool({
    connectionString: config.pgUrl,
    max: 2 * Math.max(1, systems.size),
    application_name: 'lethe-restore-turns',
    keepAlive: true,
  })
  locks.on('error', (error) => logger.warn({ err: error }, 'an idle connection broke'))
  const turns = new Turns(locks)
  const sweepStore = new SweepStore(pool)
  const sweeping = new Sweeping({ store, sweeps: sweepStore, source, logger, share: config.sweepShare })
  const sweeps = new Sweeps({ systems, sweeps: sweepStore, sweeping, turns, schedule: config.sweeps, logger })
  const guard = new Guard(systems, store, detector, runs, turns, sweeps, logger)
  const sweepRounds = new Repeating({
    name: 'sweep-stores',
    work: () => sweeps.round(),
    everyMs: config.pollMs,
    logger,
  })
  const polling = new Repeating({
    name: 'look-at-stores',
    work: () => guard.round(),
    everyMs: config.pollMs,
    firstMs: 0,
    logger,
  })
  const restores = new Restores(systems, store, sweepStore, guard, sweeps, runs)
  return {
    pool,
    locks,
    credentials,
    guard,
    restores,
    watched: new Set(systems.keys()),
    sweeps,
    rounds: [polling, sweepRounds],
  }
}
