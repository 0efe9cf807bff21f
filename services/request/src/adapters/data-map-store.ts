import type { Pool } from 'pg'
import type { DataMapStore } from '../application/data-maps.js'

/** `events.data_maps`: rows are added and read, never changed. */
export class PgDataMapStore implements DataMapStore {
  constructor(private readonly pool: Pool) {}

  async keep(version: number, digest: string, text: string): Promise<string> {
    await this.pool.query(
      'INSERT INTO events.data_maps (version, digest, body) VALUES ($1, $2, $3) ON CONFLICT (version) DO NOTHING',
      [version, digest, text],
    )
    const { rows } = await this.pool.query<{ digest: string }>(
      'SELECT digest FROM events.data_maps WHERE version = $1',
      [version],
    )
    return rows[0]?.digest ?? digest
  }

  async read(version: number): Promise<string | null> {
    const { rows } = await this.pool.query<{ body: string }>(
      'SELECT body FROM events.data_maps WHERE version = $1',
      [version],
    )
    return rows[0]?.body ?? null
  }
}
