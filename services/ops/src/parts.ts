import { PgEventStore } from '@lethe/event-store'
import { GroupLagReader } from '@lethe/messaging'
import { Credentials, type Logger, PeoplesTokens, Repeating } from '@lethe/service-host'
import { Pool } from 'pg'
import { ConnectClient } from './adapters/connect-client.js'
import { Cookies } from './adapters/http/cookies.js'
import { LetterReader } from './adapters/letter-reader.js'
import { OidcClient } from './adapters/oidc-client.js'
import { pgChanges } from './adapters/pg-changes.js'
import { PgMachine } from './adapters/pg-machine.js'
import { RequestClient } from './adapters/request-client.js'
import { RestoreClient } from './adapters/restore-client.js'
import { readSite, type Site } from './adapters/site.js'
import { Actions } from './application/actions.js'
import { Attempts } from './application/attempts.js'
import { Bulk } from './application/bulk.js'
import { BulkRunner } from './application/bulk-runner.js'
import { Changes } from './application/changes.js'
import { DataMapLooks } from './application/data-map-looks.js'
import { DeadLetterWork } from './application/dead-letter-work.js'
import { DeadLetters } from './application/dead-letters.js'
import { Export } from './application/export.js'
import { figureSources } from './application/figure-sources.js'
import { publishFigures } from './application/figures.js'
import { Journal } from './application/journal.js'
import { Lag } from './application/lag.js'
import { Live } from './application/live.js'
import { Looks } from './application/looks.js'
import { Matrix } from './application/matrix.js'
import { Naming } from './application/naming.js'
import { OidcSignIn } from './application/oidc-sign-in.js'
import { Overview } from './application/overview.js'
import { People } from './application/people.js'
import { Requests } from './application/requests.js'
import { Restores } from './application/restores.js'
import { Risk } from './application/risk.js'
import { defaultSessionOptions, Sessions } from './application/sessions.js'
import type { OpsConfig } from './config.js'

/** Everything of the service that is not HTTP. */
export interface OpsParts {
  readonly pool: Pool
  readonly credentials: Credentials
  readonly kafka: GroupLagReader
  readonly lag: Lag
  readonly looks: Looks
  readonly requests: Requests
  readonly restores: Restores
  readonly changes: Changes
  readonly live: Live
  readonly people: PeoplesTokens | null
  readonly oidc: OidcSignIn
  readonly sessions: Sessions
  readonly attempts: Attempts
  readonly journal: Journal
  readonly actions: Actions
  readonly namedPeople: People
  readonly dataMap: DataMapLooks
  readonly exports: Export
  readonly bulk: Bulk
  readonly bulkRunner: BulkRunner
  readonly deadLetterWork: DeadLetterWork
  readonly matrix: Matrix
  readonly cookies: Cookies
  readonly logger: Logger
  /** The console; null when it was not built. */
  readonly site: Site | null
  readonly loops: readonly Repeating[]
}

/** Opens nothing that could fail over a server that is down: what can't be reached is shown as unknown. */
export function openParts(config: OpsConfig, logger: Logger): OpsParts {
  const pool = new Pool({
    connectionString: config.pgUrl,
    max: 8,
    connectionTimeoutMillis: 5_000,
    // A page nobody waits for any more must not go on reading.
    statement_timeout: 10_000,
  })
  pool.on('error', (err) => logger.warn({ err }, 'a connection to the database was lost'))
  const kafka = new GroupLagReader(config.kafka)
  const machine = new PgMachine(pool)
  const connect = new ConnectClient(config.connectUrl, config.connector)
  const lag = new Lag({ kafka, machine, connect })
  const risk = new Risk(pool, lag)
  const deadLetters = new DeadLetters(config.kafka)
  const overview = new Overview({ pool, lag, risk, deadLetters, systemIds: () => lag.systems })
  const figures = figureSources({ pool, lag, risk, overview, deadLetters }, config.sampleMs)
  const changes = new Changes(pgChanges(pool))
  const credentials = Credentials.read(config.credentialsFile)
  const people = config.oidc === null ? null : new PeoplesTokens(config.oidc)
  const journal = new Journal(pool, logger)
  const sessions = new Sessions(credentials, people, journal, { ...defaultSessionOptions, ...config.session })
  const request = new RequestClient(config.requestUrl)
  const actions = new Actions(pool, request, journal)
  const bulkRunner = new BulkRunner(pool, actions, journal, logger)
  const bulk = new Bulk(pool, bulkRunner, journal)
  return {
    pool,
    credentials,
    kafka,
    lag,
    looks: new Looks({ pool, lag, risk, overview, deadLetters }),
    requests: new Requests(pool, new PgEventStore(pool)),
    restores: new Restores(pool, new RestoreClient(config.restoreUrl), {
      systemIds: () => lag.systems,
      everyMs: config.drillEveryMs,
    }),
    changes,
    live: new Live(changes, lag, overview, bulk),
    people,
    oidc: new OidcSignIn(config.oidc === null ? null : new OidcClient(config.oidc)),
    sessions,
    attempts: new Attempts(),
    journal,
    actions,
    dataMap: new DataMapLooks(pool, request, journal),
    namedPeople: new People(request, journal, new Naming(config.peoplePerMinute, journal)),
    exports: new Export(pool, journal),
    bulk,
    bulkRunner,
    deadLetterWork: new DeadLetterWork(
      config.kafka,
      new LetterReader(config.kafka, config.registryUrl),
      journal,
    ),
    matrix: new Matrix(pool),
    cookies: new Cookies(config.publicUrl),
    logger,
    site: readSite(),
    loops: [
      new Repeating({ name: 'sessions', work: async () => sessions.endOverdue(), everyMs: 1_000, logger }),
      // Rates need samples also while nobody looks.
      new Repeating({
        name: 'lag',
        work: () => lag.read(0),
        everyMs: config.sampleMs,
        firstMs: 0,
        logger,
      }),
      new Repeating({
        name: 'figures',
        work: () => publishFigures(figures),
        everyMs: 3 * config.sampleMs,
        firstMs: config.sampleMs,
        logger,
      }),
    ],
  }
}
