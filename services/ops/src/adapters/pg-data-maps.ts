import type { Queryable } from '@lethe/request-log'

/** A data map that was in force once; a version never changes. */
export interface KeptMap {
  readonly version: number
  readonly digest: string
  readonly body: string
}

const MOST = 200

/** The latest versions. */
export async function keptMaps(
  db: Queryable,
): Promise<readonly { readonly version: number; readonly digest: string }[]> {
  const { rows } = await db.query<{ version: number; digest: string }>(
    'SELECT version, digest FROM events.data_maps ORDER BY version DESC LIMIT $1',
    [MOST],
  )
  return rows
}

export async function keptMap(db: Queryable, version: number): Promise<KeptMap | null> {
  const { rows } = await db.query<KeptMap>(
    'SELECT version, digest, body FROM events.data_maps WHERE version = $1',
    [version],
  )
  return rows[0] ?? null
}
