import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { dataFolder } from '@lethe/infra'
import type { Ground } from '../pipeline/ground.js'
import { Installation } from '../pipeline/installation.js'
import { closedLoop } from '../pipeline/load.js'
import { noopMap, peopleFrom } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import type { Aim, Sample } from '../report/measure.js'
import { NOOP_SYSTEMS } from './throughput-noop.js'

export const MEASURE = 'Bytes at rest per completed request'

/**
 * What a request leaves behind: record bytes of each topic, and every table of Lethe's with its indexes, as found
 * after the run and again after VACUUM FULL. With one system and with three, so that both parts of the cost show.
 * Deterministic but for redeliveries, so it runs once. WAL, Kafka's indexes and Connect's own topics are left out.
 */
export async function storage({ context, sizes, say }: Ground): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const systems of [NOOP_SYSTEMS.slice(0, 1), NOOP_SYSTEMS]) {
    const lethe = await Installation.start(context, {
      dataMap: noopMap(systems),
      systems: noopSystems(systems),
    })
    try {
      const of = systems.length === 1 ? '1 system' : `${systems.length} systems`
      const before = await tableBytes(lethe)
      await closedLoop(lethe.target, peopleFrom(1, sizes.storage), 64)
      await lethe.completed(sizes.storage)
      const add = (where: string, bytes: number) => {
        if (bytes === 0) return
        samples.push({
          measure: MEASURE,
          subject: `${of}: ${where}`,
          unit: 'B',
          value: bytes / sizes.storage,
        })
        say(`${of}: ${where}: ${(bytes / sizes.storage).toFixed(0)} B per request`)
      }
      const kafka = dataFolder(context.state, 'kafka', false)
      for (const [topic, bytes] of topicBytes(kafka, lethe.topicPrefix)) add(`Kafka ${topic}`, bytes)
      add('PostgreSQL as found', total(await tableBytes(lethe)) - total(before))
      await lethe.pool.query('VACUUM FULL')
      for (const [table, bytes] of await tableBytes(lethe)) {
        const added = bytes - (before.get(table) ?? 0)
        if (added / sizes.storage >= 1) add(`PostgreSQL ${table}`, added)
      }
    } finally {
      await lethe.stop()
    }
  }
  return samples
}

const total = (sizes: ReadonlyMap<string, number>): number =>
  [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)

async function tableBytes({ pool }: Installation): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ name: string; bytes: string }>(`
    SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname IN ('events', 'outbox', 'inbox', 'vault', 'read_model', 'restore', 'audit')
     ORDER BY 1`)
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]))
}

/** The broker's own segments: a folder per partition. Indexes are allocated ahead and say nothing. */
function topicBytes(folder: string, prefix: string): Map<string, number> {
  const found = new Map<string, number>()
  if (!existsSync(folder)) return found
  for (const name of readdirSync(folder)) {
    const [, topic] = /^(.+)-\d+$/.exec(name) ?? []
    if (topic === undefined || !topic.startsWith(prefix)) continue
    const bytes = readdirSync(join(folder, name))
      .filter((file) => file.endsWith('.log'))
      .reduce((sum, file) => sum + statSync(join(folder, name, file)).size, 0)
    const logical = topic.slice(prefix.length)
    found.set(logical, (found.get(logical) ?? 0) + bytes)
  }
  return found
}

export const aims = (): Aim[] => []
