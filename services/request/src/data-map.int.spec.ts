import { kinds } from '@lethe/connectors/kinds'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PgDataMapStore } from './adapters/data-map-store.js'
import { DataMaps } from './application/data-maps.js'

const mapOf = (version: number, ceiling: number) => `
version: ${version}
tenant: { constant: shop }
identifiers: { canonical: user_id, alias: [] }
systems:
  cache:
    kind: redis
    connection: SHOP_REDIS
    keys: ['user:{user_id}:*']
    idsHoldDelimiters: false
    ceiling: ${ceiling}
    backups: [{ name: rdb, keep: P7D }]
`

let pool: Pool
let drop: () => Promise<void>
beforeAll(async () => {
  const database = await scratchDatabase(endpoints().lethePostgresUrl)
  pool = new Pool({ connectionString: database.url, max: 2 })
  drop = database.drop
})
afterAll(async () => {
  await pool.end()
  await drop()
})
const open = (text: string) => DataMaps.open(text, kinds, new PgDataMapStore(pool))

describe('the data map in force', () => {
  it('is refused when its version was in force with other content, naming the version', async () => {
    await open(mapOf(1, 100))
    await open(`# another layout is the same map\n${mapOf(1, 100)}`)
    await expect(open(mapOf(1, 101))).rejects.toMatchObject({
      code: 'map_mismatch',
      message: expect.stringContaining('Version 1'),
    })
  })

  it('keeps every older version readable, as plans were frozen from it', async () => {
    await open(mapOf(2, 200))
    const maps = await open(mapOf(3, 300))
    expect(await maps.section(2, 'cache')).toMatchObject({ version: 2, system: { ceiling: 200 } })
    expect(await maps.section(3, 'cache')).toMatchObject({ version: 3, system: { ceiling: 300 } })
    expect(await maps.section(9, 'cache')).toBeNull()
  })

  it('is refused with every problem and its line when it can’t be read', async () => {
    await expect(open('version: one\nsystems: {}')).rejects.toMatchObject({
      code: 'map_invalid',
      message: expect.stringMatching(/line 1/),
    })
  })

  it('plans for its one tenant only', async () => {
    const maps = await open(mapOf(1, 100))
    expect(maps.plan('other')).toBe('unknown_tenant')
    expect(maps.plan('shop')).toMatchObject({ mapVersion: 1, steps: [{ stepId: 'cache#1' }] })
  })
})
