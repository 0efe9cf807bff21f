import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendToChain, contentOf, type HeadPlace, inTransaction } from '@lethe/request-log'
import type { Pool } from 'pg'
import { SelfStore } from '../adapters/self-store.js'
import { Turns } from '../adapters/turns.js'
import { Beating } from '../application/self/beating.js'
import { type ChainVerdict, chainVerdict, lookAtLinks } from '../application/self/chain-verdict.js'

/** The chain over the tombstones of a real database, its head file, and somebody who writes where nobody may. */
export class Chained {
  readonly place: HeadPlace
  private readonly folder = mkdtempSync(join(tmpdir(), 'lethe-chained-'))

  constructor(private readonly pool: Pool) {
    this.place = { file: join(this.folder, 'head.json'), secret: 'the secret of the head, long enough' }
  }

  readonly verdict: ChainVerdict = chainVerdict({
    look: () => lookAtLinks(this.pool, this.place),
    blocked: async () => null,
  })

  /** As if all of them had been on the topic; the head file knows of it. */
  async chainAll(): Promise<void> {
    const { pool, place } = this
    const { rows } = await pool.query('SELECT * FROM read_model.tombstones ORDER BY tombstone_id')
    const links = rows.map((row, offset) => ({
      partition: 0,
      offset,
      tombstoneId: row.tombstone_id,
      sequence: Number(row.sequence),
      content: contentOf({
        tombstoneId: row.tombstone_id,
        sequence: Number(row.sequence),
        tenantId: row.tenant_id,
        requestId: row.request_id,
        systemId: row.system_id,
        mapVersion: row.map_version,
        effectiveAt: Number(row.effective_at),
        expiresAt: Number(row.expires_at),
        recurEvery: row.recur_every,
        heldUntil: row.held_until,
      }),
      collected: false,
    }))
    await inTransaction(pool, (client) =>
      appendToChain(client, place.secret, { partition: 0, from: 0, next: links.length }, links, Date.now()),
    )
    await new Beating({ pool, store: new SelfStore(pool), turns: new Turns(pool), place }).beat()
  }

  /** With all rights over the database, past what refuses it. */
  async tamper(sql: string): Promise<void> {
    await this.pool.query(
      `SET session_replication_role = replica; ${sql}; SET session_replication_role = origin`,
    )
  }

  close(): void {
    rmSync(this.folder, { recursive: true })
  }
}
