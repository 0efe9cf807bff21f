import { inTransaction } from '@lethe/event-store'
import type { Pool, PoolClient } from 'pg'
import { alone } from './epochs.js'
import { neededAmong } from './needed.js'
import type { Peppers } from './peppers.js'
import { type Vault, wholePerson } from './vault.js'

const batchSize = 200

/** How long a caller may repeat an Idempotency-Key: the intake topic's retention, and as much again. */
const keysAreKeptMs = 28 * 86_400_000

export interface PepperUse {
  readonly version: string
  /** Requests that are found by a digest made with it. */
  readonly requests: number
  /** Requests whose caller may still repeat an Idempotency-Key that was digested with it. */
  readonly idempotencyKeys: number
}

/**
 * Makes the digests of retiring peppers anew under the current one, from the vault, and retires a pepper
 * that no needed digest was made with. Each batch is one transaction: a look-up over all live peppers
 * finds a request before it and after it.
 */
export class Redigesting {
  constructor(
    private readonly pool: Pool,
    private readonly vault: Vault,
    private readonly peppers: Peppers,
    private readonly now: () => number = Date.now,
  ) {}

  /** Everything there is to do now. @returns versions that were retired */
  async run(actor: string): Promise<string[]> {
    const retired: string[] = []
    for (const { version, state } of this.peppers.lives()) {
      if (state !== 'retiring') continue
      for (let after: string | null = ''; after !== null; )
        after = await this.redigestSome(version, actor, after)
      if (await this.retire(version)) retired.push(version)
    }
    await this.peppers.refresh()
    await this.peppers.destroyRetired()
    return retired
  }

  async use(): Promise<PepperUse[]> {
    const uses: PepperUse[] = []
    for (const { version } of this.peppers.lives()) uses.push(await this.useOf(this.pool, version))
    return uses
  }

  /** One batch, of the requests after `after` in id order. @returns where to go on, null at the end */
  async redigestSome(version: string, actor: string, after: string): Promise<string | null> {
    const { rows } = await this.pool.query<{ request_id: string; tenant_id: string }>(
      `SELECT DISTINCT request_id, tenant_id FROM vault.digests
       WHERE starts_with(digest, $1) AND request_id > $2 ORDER BY request_id LIMIT $3`,
      [`${version}.`, after, batchSize],
    )
    if (rows.length === 0) return null
    await inTransaction(this.pool, (client) => this.redigest(client, version, actor, rows))
    return rows.length < batchSize ? null : (rows.at(-1)?.request_id ?? null)
  }

  private async redigest(
    client: PoolClient,
    version: string,
    actor: string,
    rows: readonly { request_id: string; tenant_id: string }[],
  ): Promise<void> {
    const now = this.now()
    const ids = rows.map((row) => row.request_id)
    const found = await client.query<{ request_id: string }>(neededAmong, [ids, now])
    const needed = new Set(found.rows.map((row) => row.request_id))
    const people = await this.vault.open(client, [...needed], wholePerson, {
      actor,
      purpose: 'redigest',
      at: now,
    })
    const anew = rows.flatMap(({ request_id: requestId, tenant_id: tenantId }) => {
      const entry = people.get(requestId)
      if (entry === undefined || entry instanceof Error) return []
      return [{ requestId, tenantId, digests: this.vault.digests(tenantId, entry.identifiers) }]
    })
    await this.vault.putDigests(client, anew)
    // What does not open but is needed keeps the digests it has, and the pepper with them.
    const made = new Set(anew.map(({ requestId }) => requestId))
    await client.query(
      `DELETE FROM vault.digests WHERE starts_with(digest, $1) AND request_id = ANY($2::text[])`,
      [`${version}.`, ids.filter((id) => made.has(id) || !needed.has(id))],
    )
  }

  private retire(version: string): Promise<boolean> {
    return alone(this.pool, async (client) => {
      const { requests, idempotencyKeys } = await this.useOf(client, version)
      if (requests > 0 || idempotencyKeys > 0) return false
      await this.peppers.retire(client, version)
      return true
    })
  }

  private async useOf(client: Pool | PoolClient, version: string): Promise<PepperUse> {
    const { rows } = await client.query<{ requests: string; keys: string }>(
      `SELECT (SELECT count(DISTINCT request_id) FROM vault.digests WHERE starts_with(digest, $1)) AS requests,
         (SELECT count(*) FROM events.idempotency i JOIN read_model.requests r USING (request_id)
          WHERE starts_with(i.digest, $1) AND r.received_at > $2) AS keys`,
      [`${version}.`, this.now() - keysAreKeptMs],
    )
    return {
      version,
      requests: Number(rows[0]?.requests ?? 0),
      idempotencyKeys: Number(rows[0]?.keys ?? 0),
    }
  }
}
