import { Pool, type PoolClient } from 'pg'

/** Where in a statement the connection dies: before the server sees it, or before its answer arrives. */
export type Moment = 'before' | 'after'

/**
 * A pool whose first connection is ended by the server at its `nth` statement. Everything after it,
 * on new connections, works. `reached` says whether there were that many statements at all.
 */
export class KillingPool extends Pool {
  reached = false
  #statements = 0

  constructor(
    connectionString: string,
    private readonly executioner: Pool,
    private readonly nth: number,
    private readonly moment: Moment,
  ) {
    super({ connectionString, max: 4, pipeline: true })
    this.on('error', () => {})
  }

  override connect(): Promise<PoolClient>
  override connect(...given: unknown[]): Promise<PoolClient> {
    if (given.length > 0) return Reflect.apply(super.connect, this, given)
    return super.connect().then((client) => this.#armed(client))
  }

  #armed(client: PoolClient): PoolClient {
    const query = client.query.bind(client) as (...statement: unknown[]) => Promise<unknown>
    const dying = async (...statement: unknown[]): Promise<unknown> => {
      if (this.reached || ++this.#statements !== this.nth) return query(...statement)
      this.reached = true
      if (this.moment === 'before') {
        await this.#kill(query)
        return query(...statement)
      }
      const pid = await backendOf(query)
      await query(...statement)
      await this.#killBackend(pid)
      throw new Error('the connection died before the answer arrived')
    }
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query') return dying
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  async #kill(query: (...statement: unknown[]) => Promise<unknown>): Promise<void> {
    await this.#killBackend(await backendOf(query))
  }

  /** Returns when the backend is gone, so that its locks and its transaction are, too. */
  async #killBackend(pid: number): Promise<void> {
    await this.executioner.query('SELECT pg_terminate_backend($1, 5000)', [pid])
  }
}

/** Asked on the connection itself; in an open transaction it changes nothing. */
async function backendOf(query: (...statement: unknown[]) => Promise<unknown>): Promise<number> {
  const { rows } = (await query('SELECT pg_backend_pid() AS pid')) as { rows: { pid: number }[] }
  return rows[0]?.pid ?? 0
}
