import { fileURLToPath } from 'node:url'

/** The .sql files, in the order of their numbers; one path serves src/ and dist/. */
export const migrationsDirectory: string = fileURLToPath(new URL('../migrations', import.meta.url))

/**
 * Brings Lethe's database to the newest schema, all pending files in one transaction. Safe to call
 * again and from several processes at once: later ones wait, then find nothing to do.
 *
 * The user of `url` must own the database and be allowed to create roles; a superuser is needed only
 * when the role `lethe_connect` (REPLICATION) does not exist yet.
 *
 * @returns names of the migrations that were run
 */
export async function migrate(url: string): Promise<string[]> {
  // Here alone: with what it brings along it takes 3 MiB of each service, and few of them migrate.
  const { runner } = await import('node-pg-migrate')
  const run = await runner({
    databaseUrl: url,
    dir: migrationsDirectory,
    direction: 'up',
    migrationsTable: 'lethe_migrations',
    advisoryLockMode: 'wait',
    singleTransaction: true,
    log: () => {},
  })
  return run.map(({ name }) => name)
}
