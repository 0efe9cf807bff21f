import { readFileSync } from 'node:fs'
import { kinds } from '@lethe/connectors/kinds'
import { defaultPolicy } from '@lethe/domain'
import { PgEventStore } from '@lethe/event-store'
import { type Encode, OutboxReconciler, RequestLog, type SelfWatch, watchSelf } from '@lethe/request-log'
import {
  ConfigError,
  Credentials,
  type Logger,
  PeoplesTokens,
  spansAround,
  TerminalError,
  tellsOfSelf,
  traceparentFor,
} from '@lethe/service-host'
import { Pool } from 'pg'
import { PgDataMapStore } from './adapters/data-map-store.js'
import { intakePorts } from './adapters/intake-ports.js'
import { HttpProbeClient } from './adapters/probe-client.js'
import { AcceptRequests } from './application/accept.js'
import { AcceptQueue } from './application/accept-queue.js'
import { Clearance } from './application/clearance.js'
import { Collecting } from './application/collecting.js'
import { RequestCommands } from './application/commands.js'
import { DataMaps } from './application/data-maps.js'
import { EraserBeats } from './application/eraser-beats.js'
import { FirstStep } from './application/first-step.js'
import { IdentityResolution } from './application/identity.js'
import { ImportTombstones } from './application/import-tombstones.js'
import { Intake } from './application/intake.js'
import { KeepingLonger } from './application/keeping-longer.js'
import { MapChecks } from './application/map-check.js'
import { Naming } from './application/naming.js'
import { outboxUnknown, sweepOutbox } from './application/outbox-sweep.js'
import { PendingRequests } from './application/pending.js'
import { People } from './application/people.js'
import { Previews } from './application/preview.js'
import { Queries } from './application/queries.js'
import { Repeating } from './application/repeating.js'
import { Tasks } from './application/tasks.js'
import { Tombstones } from './application/tombstones.js'
import { VaultAdministration } from './application/vault-administration.js'
import type { RequestConfig } from './config.js'
import { Destruction } from './vault/destruction.js'
import { parsePeppers } from './vault/digest.js'
import { Epochs } from './vault/epochs.js'
import { IntakeKey } from './vault/intake-key.js'
import { VaultKeeper } from './vault/keeper.js'
import { openKeyStore } from './vault/open-key-store.js'
import { Peppers } from './vault/peppers.js'
import { Redigesting } from './vault/redigesting.js'
import { Resealing } from './vault/resealing.js'
import { Shredded } from './vault/shredded.js'
import { Vault } from './vault/vault.js'

/** What an eraser is told to wait when it must ask again. */
const askAgainMs = 1_000
const sweepEveryMs = 15_000
/** What has expired may wait: an hour. */
const collectEveryMs = 3_600_000
/** Between two looks whether Lethe's own database is the one it last worked with. */
const lookAtSelfMs = 1_000

/** The service without its transports: everything controllers are given. */
export interface RequestParts {
  readonly pool: Pool
  readonly credentials: Credentials
  readonly people: PeoplesTokens | null
  readonly queue: AcceptQueue
  readonly commands: RequestCommands
  readonly tasks: Tasks
  readonly queries: Queries
  readonly previews: Previews
  readonly namedPeople: People
  readonly naming: Naming
  readonly mapChecks: MapChecks
  readonly clearance: Clearance
  readonly tombstones: Tombstones
  readonly imports: ImportTombstones
  readonly beats: EraserBeats
  readonly maps: DataMaps
  readonly intake: Intake
  readonly intakeKey: IntakeKey
  readonly reconciler: OutboxReconciler
  readonly vaultAdministration: VaultAdministration
  readonly watch: SelfWatch
  /** Loops that run beside the requests. */
  readonly loops: readonly Repeating[]
}

/** @throws ConfigError when the map, a key file or the credentials can't be used: it must not start half. */
export async function openParts(
  config: RequestConfig,
  logger: Logger,
  encode: Encode,
): Promise<RequestParts> {
  const pool = new Pool({ connectionString: config.pgUrl, max: 12, pipeline: true })
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection to PostgreSQL broke'))
  try {
    return await build(config, logger, encode, pool)
  } catch (error) {
    await pool.end()
    throw error
  }
}

async function build(
  config: RequestConfig,
  logger: Logger,
  encode: Encode,
  pool: Pool,
): Promise<RequestParts> {
  const keys = await configured('LETHE_VAULT_KEYS', () => openKeyStore(config.vaultKeys, config.vaultMaster))
  const intakeKey = await configured('LETHE_VAULT_KEYS', () => IntakeKey.from(keys.intakeJwk))
  const credentials = await configured('LETHE_CREDENTIALS', () => Credentials.read(config.credentialsFile))
  const given = await configured('LETHE_PEPPERS', () => parsePeppers(config.peppers))
  const epochs = await Epochs.open(pool, keys, config.epochs)
  const peppers = await Peppers.open(pool, keys, given).catch((error: unknown) => {
    throw error instanceof TerminalError ? unusable('LETHE_PEPPERS', error) : error
  })
  const vault = new Vault(epochs, peppers)
  const mapText = await configured('LETHE_DATA_MAP', () => readFileSync(config.dataMapFile, 'utf8'))
  if (config.tenants === null) logger.warn('LETHE_TENANTS lists no tenants: any tenant id is taken for one')
  const maps = await DataMaps.open(mapText, kinds, new PgDataMapStore(pool), config.tenants).catch(
    (error: unknown) => {
      throw error instanceof TerminalError ? unusable('LETHE_DATA_MAP', error) : error
    },
  )
  const eventStore = new PgEventStore(pool)
  const log = new RequestLog({
    pool,
    eventStore,
    encode,
    topicPrefix: config.topicPrefix,
    traceparent: traceparentFor,
    around: (ids, work) =>
      spansAround(
        'request.transact',
        () => ids.map((requestId) => ({ requestId })),
        () => work(),
      ),
  })
  const tell = tellsOfSelf('request', logger)
  const watch = watchSelf({ pgUrl: config.pgUrl, place: config.head, pool, log, tell, logger })
  const blocked = () => watch.blocked()
  /** Nothing is collected, resolved or published again from a database that is an older copy of itself. */
  const unlessBlocked = (work: () => Promise<unknown>) => async () => {
    if ((await blocked()) === null) await work()
  }
  const probes = new HttpProbeClient(config.probes, config.probeToken, config.probeTimeoutMs)
  const identity = new IdentityResolution(probes)
  const accepting = new AcceptRequests(pool, log, vault, maps, identity, blocked)
  const pending = new PendingRequests(pool, log, vault, maps, identity, logger)
  const settings = {
    grantSecret: config.grantSecret,
    grantTtlMs: defaultPolicy.grantTtlMs,
    retryAfterMs: askAgainMs,
  }
  const firstStep = new FirstStep(pool, vault, maps, identity, config.resolutionFreshMs)
  const reconciler = new OutboxReconciler({ pool, ...config.outbox })
  const resealing = new Resealing(pool, log, vault, epochs)
  const destruction = new Destruction(pool, epochs, resealing)
  const redigesting = new Redigesting(pool, vault, peppers)
  const shredded = new Shredded(pool, log)
  const collecting = new Collecting(pool, log)
  const keeping = new KeepingLonger(pool, log, maps, defaultPolicy)
  const keeper = new VaultKeeper(epochs, peppers, destruction, redigesting, shredded, logger)
  return {
    pool,
    credentials,
    people: config.people === null ? null : new PeoplesTokens(config.people),
    queue: new AcceptQueue(accepting, config.maxInFlight, blocked),
    commands: new RequestCommands(log, vault, maps),
    tasks: new Tasks({ pool, log, vault, maps, firstStep, blocked }),
    queries: new Queries(pool, log, eventStore),
    previews: new Previews(pool, maps, identity, probes),
    naming: new Naming(config.peoplePerMinute),
    namedPeople: new People(pool, vault, maps, identity, probes),
    mapChecks: new MapChecks(maps, kinds, probes),
    clearance: new Clearance(
      pool,
      log,
      vault,
      settings,
      firstStep,
      (systemId) => systemId in maps.current.systems,
      Date.now,
      blocked,
    ),
    beats: new EraserBeats(pool),
    tombstones: new Tombstones(
      pool,
      vault,
      (systemId) => (maps.current.systems[systemId]?.ceiling ?? null) !== null,
      Date.now,
      blocked,
    ),
    imports: new ImportTombstones({ pool, log, vault, maps, policy: defaultPolicy, blocked }),
    maps,
    intake: new Intake(accepting, log, intakePorts(intakeKey, credentials), Date.now, blocked),
    intakeKey,
    reconciler,
    vaultAdministration: new VaultAdministration(
      epochs,
      peppers,
      resealing,
      destruction,
      redigesting,
      shredded,
    ),
    watch,
    loops: [
      new Repeating('look-at-self', () => watch.look(), lookAtSelfMs, logger),
      new Repeating(
        'vault',
        unlessBlocked(() => keeper.tick()),
        config.vaultCheckMs,
        logger,
      ),
      new Repeating(
        'resolve-pending',
        unlessBlocked(() => pending.resolveSome()),
        config.resolveRetryMs,
        logger,
      ),
      new Repeating(
        'collect',
        unlessBlocked(() => collecting.run()),
        collectEveryMs,
        logger,
      ),
      new Repeating(
        'keep-longer',
        unlessBlocked(() => keeping.run()),
        config.keepLongerMs,
        logger,
      ),
      new Repeating(
        'outbox-sweep',
        async () => ((await blocked()) === null ? sweepOutbox(reconciler, logger) : outboxUnknown()),
        sweepEveryMs,
        logger,
      ),
    ],
  }
}

/** What is wrong with a file is for the operator at the terminal; the log would hide its message. */
async function configured<T>(name: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw error instanceof Error ? unusable(name, error) : error
  }
}

const unusable = (name: string, { message }: Error): ConfigError =>
  new ConfigError([{ name, problem: message }])
