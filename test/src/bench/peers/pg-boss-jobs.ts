import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { createDatabase, dropDatabase } from '../pipeline/installation.js'

const QUEUES = ['a', 'b', 'c'] as const

/**
 * Three jobs per request on PostgreSQL, nothing to do in any of them. pg-boss has no parents, so a row counts down;
 * it is counted per batch of jobs, which costs pg-boss less than one update for each.
 */
export class PgBossJobs {
  private constructor(
    private readonly url: string,
    private readonly boss: PgBoss,
    private readonly pool: pg.Pool,
  ) {}

  static async open(serverUrl: string): Promise<PgBossJobs> {
    const url = new URL(`/pgboss_${randomBytes(4).toString('hex')}`, serverUrl).href
    await createDatabase(url)
    const pool = new pg.Pool({ connectionString: url, max: 32 })
    pool.on('error', () => {})
    await pool.query('CREATE TABLE requests (id uuid PRIMARY KEY, open integer NOT NULL)')
    const boss = new PgBoss({ connectionString: url, max: 32 })
    boss.on('error', () => {})
    await boss.start()
    const peer = new PgBossJobs(url, boss, pool)
    for (const queue of QUEUES) {
      await boss.createQueue(queue)
      await boss.work<{ id: string }>(queue, { batchSize: 200, pollingIntervalSeconds: 0.5 }, (jobs) =>
        peer.finished(jobs.map(({ data }) => data.id)),
      )
    }
    return peer
  }

  async run(count: number, concurrency: number): Promise<void> {
    let left = count
    const worker = async () => {
      while (left-- > 0) await this.request()
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    while ((await this.open()) > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async close(): Promise<void> {
    await this.boss.stop({ graceful: false })
    await this.pool.end()
    await dropDatabase(this.url)
  }

  private async request(): Promise<void> {
    const id = randomUUID()
    await this.pool.query({ name: 'add', text: 'INSERT INTO requests VALUES ($1, 3)', values: [id] })
    await Promise.all(QUEUES.map((queue) => this.boss.send(queue, { id })))
  }

  private async finished(ids: readonly string[]): Promise<void> {
    await this.pool.query({
      name: 'finished',
      text: `UPDATE requests SET open = open - 1 FROM (SELECT unnest($1::uuid[]) AS id ORDER BY 1) AS done
             WHERE requests.id = done.id`,
      values: [ids],
    })
  }

  private async open(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM requests WHERE open > 0',
    )
    return rows[0]?.n ?? 0
  }
}
