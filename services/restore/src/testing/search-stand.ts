import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { elasticsearch } from '@lethe/connectors/elasticsearch'
import type { Connector } from '@lethe/eraser-kit'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints, type SearchServer } from '@lethe/infra'
import pg from 'pg'
import { RestoreStore } from '../adapters/restore-store.js'
import { eraseInitially, tombstonesOf } from './erasing.js'
import { type Life, mortal, mortalConnector } from './mortal.js'
import { type RestoreProcess, restoreProcess, watchingTheGate } from './process.js'
import { Source } from './stand.js'

export const SEARCH_SECTION = {
  version: 1,
  tenant: { none: true } as const,
  canonical: 'user_id' as const,
  system: {
    systemId: 'search',
    kind: 'elasticsearch',
    connection: 'SEARCH',
    ceiling: null,
    body: { indices: [{ name: 'users', by: 'user_id', method: 'delete' }] },
  },
}
const BATCH = 2_000

interface Hit {
  readonly _id: string
  readonly _version: number
  readonly _source: Readonly<Record<string, unknown>>
  readonly sort: readonly unknown[]
}

/** A restore service over an Elasticsearch that is snapshotted and restored by plain HTTP. */
export class SearchStand {
  readonly source = new Source()
  /** When the gate was told to open, in nanoseconds of the machine's clock; of every opening. */
  readonly openings: bigint[] = []
  private readonly guards: RestoreProcess['guard'][] = []

  private constructor(
    readonly server: SearchServer,
    readonly pool: pg.Pool,
    readonly store: RestoreStore,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(server: SearchServer): Promise<SearchStand> {
    const database = await scratchDatabase(endpoints().lethePostgresUrl)
    const pool = new pg.Pool({ connectionString: database.url, max: 12 })
    pool.on('error', () => undefined)
    const stand = new SearchStand(server, pool, new RestoreStore(pool), database.drop)
    await stand.call('PUT', '/_snapshot/backups', { type: 'fs', settings: { location: 'backups' } })
    await stand.empty()
    const keyword = { type: 'keyword' }
    await stand.call('PUT', '/users', {
      settings: { number_of_shards: 2, number_of_replicas: 0 },
      mappings: { properties: { user_id: keyword, name: { type: 'text' } } },
      aliases: { customers: {} },
    })
    return stand
  }

  process(life?: Life): RestoreProcess {
    const { pool, source } = this
    const store = life ? mortal(this.store, life) : this.store
    const watching = watchingTheGate(elasticsearch as unknown as Connector, this.openings)
    const connector = life ? mortalConnector(watching, life) : watching
    const url = () => `http://127.0.0.1:${this.server.port}`
    const process = restoreProcess({ pool, store, source, connector, section: SEARCH_SECTION, url })
    this.guards.push(process.guard)
    return process
  }

  seed(customers: number, from = 1): Promise<void> {
    return this.write(Array.from({ length: customers }, (_, at) => from + at))
  }

  /** What happened since the backup: one customer in four hundred is another, as many are new. */
  async goOn(customers: number): Promise<void> {
    const changed = Array.from({ length: customers / 400 }, (_, at) => at * 400 + 50)
    await this.write(changed, 'changed since')
    await this.seed(changed.length, customers + 1)
  }

  private async write(customers: readonly number[], name = 'Customer'): Promise<void> {
    for (let start = 0; start < customers.length; start += BATCH) {
      const lines = customers
        .slice(start, start + BATCH)
        .flatMap((n) => [
          { index: { _id: `d${n}` } },
          { user_id: `u${n}`, name: `${name} ${n}`, visits: n % 7 },
        ])
      const body = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
      const answer = await this.call('POST', '/users/_bulk', body)
      if (answer.errors) throw new Error('the search server took not every document')
    }
    await this.call('POST', '/users/_refresh')
  }

  /** The customers' index and Lethe's own. */
  async backUp(): Promise<void> {
    await this.call('PUT', '/_snapshot/backups/one?wait_for_completion=true', {
      indices: 'users,lethe-receipts',
      include_global_state: false,
    })
  }

  /** What an earlier stand left on the same server. */
  private async empty(): Promise<void> {
    if (Object.keys(await this.call('GET', '/users*')).length > 0) await this.lose()
    const { snapshots } = (await this.call('GET', '/_snapshot/backups/_all')) as {
      snapshots: { snapshot: string }[]
    }
    for (const { snapshot } of snapshots) await this.call('DELETE', `/_snapshot/backups/${snapshot}`)
  }

  /** What is restored must not be there any more. */
  async lose(): Promise<void> {
    for (const index of Object.keys(await this.call('GET', '/users'))) await this.call('DELETE', `/${index}`)
    await this.call('DELETE', '/lethe-receipts')
  }

  /** What an operator calls; with the hook, by the command, on a machine that does not reach the restore service. */
  async restore(hook: boolean): Promise<void> {
    if (hook) await this.prepare('backups/one')
    else
      await this.call('POST', '/_snapshot/backups/one/_restore?wait_for_completion=true', {
        indices: 'users,lethe-receipts',
      })
  }

  /** The customers' index alone, into the store in use, whose marker stays as it is. */
  async putBackAlone(): Promise<void> {
    for (const index of Object.keys(await this.call('GET', '/users'))) await this.call('DELETE', `/${index}`)
    await this.call('POST', '/_snapshot/backups/one/_restore?wait_for_completion=true', { indices: 'users' })
  }

  /** @throws Error with what the command said, where it did not end with 0 */
  async prepare(snapshot: string, ...options: string[]): Promise<Record<string, unknown>> {
    const lethe = fileURLToPath(new URL('../../../../packages/cli/bin/lethe.mjs', import.meta.url))
    const given = ['--system', 'search', '--snapshot', snapshot, '--json', ...options]
    const env = {
      ...process.env,
      LETHE_SEARCH_URL: `http://127.0.0.1:${this.server.port}`,
      LETHE_RESTORE_URL: 'http://127.0.0.1:9',
      LETHE_TOKEN: 'nobody takes this one',
    }
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [lethe, 'restore', 'prepare', ...given], { env })
    return JSON.parse(stdout) as Record<string, unknown>
  }

  async erase(users: readonly string[]) {
    const subjects = await tombstonesOf(this.pool, this.source, SEARCH_SECTION.system.systemId, users)
    const session = await elasticsearch.open({
      systemId: SEARCH_SECTION.system.systemId,
      options: elasticsearch.options.parse(`http://127.0.0.1:${this.server.port}`),
      system: elasticsearch.system.parse(SEARCH_SECTION.system.body),
      tenant: SEARCH_SECTION.tenant,
      canonical: SEARCH_SECTION.canonical,
    })
    return eraseInitially(session, SEARCH_SECTION.system.systemId, subjects)
  }

  /** Every document but those of `without`, with id, version and source. */
  async digest(
    without: ReadonlySet<string>,
  ): Promise<{ readonly documents: number; readonly digest: string }> {
    const hash = createHash('sha256')
    let documents = 0
    for (const { _id, _version, _source } of await this.documents()) {
      if (without.has(String(_source.user_id))) continue
      documents++
      hash.update(JSON.stringify([_id, _version, _source]))
    }
    return { documents, digest: hash.digest('hex') }
  }

  async present(users: readonly string[]): Promise<string[]> {
    const wanted = new Set(users)
    return (await this.documents())
      .map(({ _source }) => String(_source.user_id))
      .filter((one) => wanted.has(one))
  }

  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`http://127.0.0.1:${this.server.port}${path}`, {
      method,
      headers: { 'content-type': typeof body === 'string' ? 'application/x-ndjson' : 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }

  async close(): Promise<void> {
    for (const guard of this.guards) await guard.stop()
    await this.pool.end()
    await this.drop()
  }

  private async documents(): Promise<Hit[]> {
    await this.call('POST', '/users/_refresh')
    const all: Hit[] = []
    for (;;) {
      const after = all.at(-1)?.sort
      const answer = await this.call('POST', '/users/_search', {
        size: 10_000,
        version: true,
        sort: [{ user_id: 'asc' }],
        ...(after ? { search_after: after } : {}),
      })
      const { hits } = (answer as { hits: { hits: Hit[] } }).hits
      all.push(...hits)
      if (hits.length < 10_000) return all
    }
  }
}
