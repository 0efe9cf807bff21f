import type { Connector } from '@lethe/eraser-kit'
import { RequestClient, Systems } from '@lethe/eraser-kit/hosting'
import type { MessageCodec } from '@lethe/messaging'
import { type SelfWatch, watchSelf } from '@lethe/request-log'
import { Credentials, type Logger, Repeating, tellsOfSelf } from '@lethe/service-host'
import { Pool } from 'pg'
import { BackupStore } from './adapters/backup-store.js'
import { DrillRequestClient } from './adapters/drill-request-client.js'
import { DrillStore } from './adapters/drill-store.js'
import { HoldClient } from './adapters/hold-client.js'
import { RestoreStore } from './adapters/restore-store.js'
import { ReviewStore } from './adapters/review-store.js'
import { SelfStore } from './adapters/self-store.js'
import { SweepStore } from './adapters/sweep-store.js'
import { TombstoneClient } from './adapters/tombstone-client.js'
import { Turns } from './adapters/turns.js'
import { Backups } from './application/backups.js'
import { Copies } from './application/copies.js'
import { Detector } from './application/detector.js'
import { openGround } from './application/drill-ground.js'
import { Drilling } from './application/drilling.js'
import { Drills } from './application/drills.js'
import { Guard } from './application/guard.js'
import { Hooks } from './application/hooks.js'
import { Replay } from './application/replay.js'
import { Restores } from './application/restores.js'
import { Reviews } from './application/reviews.js'
import { Runs } from './application/runs.js'
import { Beating } from './application/self/beating.js'
import { CHAIN_CHECK_MS, ChainCheck, lookAtChain } from './application/self/chain-check.js'
import { ChainFold } from './application/self/chain-fold.js'
import { chainVerdict, lookAtLinks, noChain } from './application/self/chain-verdict.js'
import { SelfRestore } from './application/self/self-restore.js'
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
  readonly backups: Backups
  readonly drills: Drills
  readonly reviews: Reviews
  readonly watch: SelfWatch
  /** Null where nobody said where the head is kept. */
  readonly self: { readonly restore: SelfRestore; readonly fold: ChainFold } | null
  readonly copies: Copies
  /** What is done again and again. */
  readonly rounds: readonly Repeating[]
}

/** @throws ConfigError when a kind is not known; nothing connects before it is needed. */
export async function openParts(
  config: RestoreConfig,
  logger: Logger,
  codec: MessageCodec,
): Promise<RestoreParts> {
  const request = new RequestClient(config.requestUrl, config.token)
  const systems = new Map<string, WatchedSystem>()
  const connectors = new Map<string, Connector>()
  for (const [systemId, kind] of config.systems) {
    const connector = await connectorOf(kind)
    connectors.set(systemId, connector)
    systems.set(
      systemId,
      watchedSystem(systemId, connector, new Systems(connector, systemId, request, config.secret)),
    )
  }
  const credentials = Credentials.read(config.credentialsFile)
  const pool = new Pool({ connectionString: config.pgUrl, max: 6, application_name: 'lethe-restore' })
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection broke'))
  const tell = tellsOfSelf('restore', logger)
  const watch = watchSelf({ pgUrl: config.pgUrl, place: config.head, pool, tell, logger })
  const blocked = () => watch.blocked()
  const store = new RestoreStore(pool)
  const { markerSecret: secret, incarnation } = config
  const detector = new Detector({ store, secret, incarnation, logger })
  const source = new TombstoneClient(config.requestUrl, config.token)
  const reviewStore = new ReviewStore(pool)
  const replay = new Replay(store, source, reviewStore)
  const { head } = config
  const chain = head === null ? noChain : chainVerdict({ look: () => lookAtLinks(pool, head), blocked })
  const runs = new Runs({
    store,
    replay,
    reviews: reviewStore,
    detector,
    hooks: new Hooks(store),
    chain,
    secret,
    incarnation,
    logger,
  })
  const locks = new Pool({
    connectionString: config.pgUrl,
    max: 3 * Math.max(1, systems.size) + 1,
    application_name: 'lethe-restore-turns',
    keepAlive: true,
  })
  locks.on('error', (error) => logger.warn({ err: error }, 'an idle connection broke'))
  const turns = new Turns(locks)
  const sweepStore = new SweepStore(pool)
  const sweeping = new Sweeping({
    store,
    sweeps: sweepStore,
    source,
    reviews: reviewStore,
    logger,
    share: config.sweepShare,
  })
  const sweeps = new Sweeps({ systems, sweeps: sweepStore, sweeping, turns, schedule: config.sweeps, logger })
  const guard = new Guard(systems, store, detector, runs, turns, sweeps, logger, blocked)
  const sweepRounds = new Repeating({
    name: 'sweep-stores',
    work: async () => {
      if ((await blocked()) === null) await sweeps.round()
    },
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
  const backups = new Backups({
    systems: new Set(systems.keys()),
    store: new BackupStore(pool),
    audit: store,
    policies: async (systemId) => (await request.section('current', systemId)).system.backups ?? [],
    logger,
  })
  const { self, rounds } = ofSelf({ config, pool, turns, watch, logger, codec })
  const restores = new Restores(systems, store, sweepStore, guard, sweeps, runs, reviewStore)
  const reviews = new Reviews({
    systems: new Set(systems.keys()),
    reviews: reviewStore,
    store,
    guard,
    sweeps,
  })
  const copies = new Copies({
    connectors,
    request,
    source,
    store,
    reviews: reviewStore,
    chain,
    secret,
    incarnation,
  })
  const drills = drillsOf({ config, pool, connectors, request, copies, turns, audit: store, blocked, logger })
  return {
    pool,
    locks,
    credentials,
    guard,
    restores,
    watched: new Set(systems.keys()),
    sweeps,
    backups,
    drills,
    reviews,
    copies,
    watch,
    self,
    rounds: [
      polling,
      sweepRounds,
      new Repeating({
        name: 'look-at-backups',
        work: () => backups.round(),
        everyMs: BACKUPS_MS,
        firstMs: 10_000,
        logger,
      }),
      new Repeating({
        name: 'look-at-drills',
        work: () => drills.round(),
        everyMs: DRILLS_MS,
        firstMs: 1_000,
        logger,
      }),
      ...rounds,
    ],
  }
}

function drillsOf(given: {
  config: RestoreConfig
  pool: Pool
  connectors: ReadonlyMap<string, Connector>
  request: RequestClient
  copies: Copies
  turns: Turns
  audit: RestoreStore
  blocked: () => Promise<string | null>
  logger: Logger
}): Drills {
  const { config, pool, connectors, request, copies, turns, audit, blocked, logger } = given
  const store = new DrillStore(pool)
  const requests = new DrillRequestClient(config.requestUrl, config.drillToken)
  const ground = { connectors, request, secret: config.secret, settings: config.drills }
  const { markerSecret: secret, incarnation } = config
  const open = (drill: Parameters<typeof openGround>[1]) => openGround(ground, drill)
  const gates = () => audit.gates()
  return new Drills({
    systems: new Set(connectors.keys()),
    able: new Set([...connectors].flatMap(([id, { openDrill }]) => (openDrill === undefined ? [] : [id]))),
    store,
    drilling: new Drilling({ store, open, copies, requests, gates, secret, incarnation, logger }),
    open,
    requests,
    audit,
    turns,
    everyMs: config.drillEveryMs,
    byItself: config.drillToken !== undefined,
    secret,
    blocked,
    logger,
  })
}

/** Between two looks at the catalogue of backups, milliseconds. */
const BACKUPS_MS = 3_600_000
/** Between two looks for drills that are due, or were left by a process that is gone, milliseconds. */
const DRILLS_MS = 15_000
/** How often every service looks at Lethe's own database, milliseconds. */
const LOOK_MS = 1_000

function ofSelf(given: {
  config: RestoreConfig
  pool: Pool
  turns: Turns
  watch: SelfWatch
  logger: Logger
  codec: MessageCodec
}): { self: RestoreParts['self']; rounds: Repeating[] } {
  const { config, pool, turns, watch, logger, codec } = given
  const { head: place, kafka } = config
  if (place === null) return { self: null, rounds: [] }
  const store = new SelfStore(pool)
  const beating = new Beating({ pool, store, turns, place })
  const holds = new HoldClient(config.requestUrl, config.token)
  const check = new ChainCheck({
    look: () => lookAtChain(pool, place),
    blocked: () => watch.blocked(),
    logger,
  })
  const work = async () => {
    await beating.beat()
    watch.suspect()
    await watch.look()
  }
  return {
    self: {
      fold: new ChainFold({ pool, store, watch, secret: place.secret, logger }),
      restore: new SelfRestore({ pool, store, watch, turns, place, kafka, codec, holds, logger }),
    },
    rounds: [
      new Repeating({ name: 'beat', work, everyMs: config.pollMs, firstMs: 0, logger }),
      new Repeating({ name: 'look-at-self', work: () => watch.look(), everyMs: LOOK_MS, logger }),
      new Repeating({
        name: 'check-chain',
        work: () => check.run(),
        everyMs: CHAIN_CHECK_MS,
        firstMs: 60_000,
        logger,
      }),
    ],
  }
}
