import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Credentials,
  createLogger,
  metricsRegistry,
  type RunningService,
  startService,
} from '@lethe/service-host'
import { Module } from '@nestjs/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BackupStore } from './adapters/backup-store.js'
import { BackupsController } from './adapters/http/backups.controller.js'
import { Backups } from './application/backups.js'
import { round } from './testing/process.js'
import { operator, Stand } from './testing/stand.js'

const DAY = 86_400_000
const logger = createLogger('backups-spec', { level: 'silent' })

@Module({})
class Catalogue {}

let stand: Stand
let backups: Backups
let service: RunningService
let folder: string
beforeAll(async () => {
  stand = await Stand.open()
  folder = mkdtempSync(join(tmpdir(), 'lethe-backups-'))
  const credential = (id: string, role: string) => {
    const sha256 = createHash('sha256').update(`token-${id}`).digest('hex')
    return { id, sha256, roles: [role], tenants: ['*'] }
  }
  const file = join(folder, 'credentials.json')
  writeFileSync(
    file,
    JSON.stringify([
      credential('tool', 'restore'),
      credential('vera', 'viewer'),
      credential('shop', 'service'),
    ]),
    { mode: 0o600 },
  )
  backups = new Backups({
    systems: new Set(['shop-pg', 'cache']),
    store: new BackupStore(stand.pool),
    audit: stand.store,
    policies: async (systemId) => (systemId === 'shop-pg' ? [{ name: 'nightly', keepMs: 30 * DAY }] : []),
    logger,
  })
  service = await startService({
    name: 'backups-spec',
    module: {
      module: Catalogue,
      controllers: [BackupsController],
      providers: [
        { provide: Backups, useValue: backups },
        { provide: Credentials, useValue: Credentials.read(file) },
      ],
    },
    port: 0,
    logger,
  })
})
afterAll(async () => {
  await service?.stop()
  await stand?.close()
  rmSync(folder, { recursive: true })
})

interface Told {
  readonly backupId: string
  readonly dueAt: number | null
  readonly goneAt: number | null
  readonly alerts: readonly string[]
  readonly backups: readonly Told[]
  readonly code: string
  readonly detail: string
  readonly errors: readonly { path: string }[]
}
async function ask(method: 'GET' | 'POST', query: string, who: string | null, body?: object) {
  const response = await fetch(new URL(`/v1/backups${query}`, service.url), {
    method,
    headers: {
      ...(who === null ? {} : { authorization: `Bearer token-${who}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Told }
}
const report = (body: object, who = 'tool') => ask('POST', '', who, body)
const listed = async (query = '') => (await ask('GET', query, 'vera')).body.backups
const keptLonger = async (systemId: string) => {
  await backups.round()
  const line = (await metricsRegistry.metrics())
    .split('\n')
    .find((one) => one.startsWith('lethe_restore_backups_kept_longer{') && one.includes(`"${systemId}"`))
  return Number(line?.split(' ').at(-1))
}

describe('the catalogue of backups', () => {
  it('takes what tools tell, once for each backup, shows the newest first, and what is gone only when asked', async () => {
    const takenAt = Date.now() - 2 * DAY
    const one = {
      systemId: 'shop-pg',
      backupId: 'b1',
      policy: 'nightly',
      takenAt,
      keptUntil: takenAt + 10 * DAY,
    }
    for (let n = 0; n < 2; n++)
      expect(await report(one)).toMatchObject({
        status: 200,
        body: { backupId: 'b1', dueAt: takenAt + 30 * DAY, goneAt: null, alerts: [] },
      })
    await report({ systemId: 'shop-pg', backupId: 'b2', takenAt: takenAt + DAY })
    expect((await listed()).map(({ backupId }) => backupId)).toEqual(['b2', 'b1'])
    expect(await keptLonger('shop-pg')).toBe(0)
    // When it was taken never moves; gone it stays gone.
    await report({ systemId: 'shop-pg', backupId: 'b2', takenAt: takenAt + 5 * DAY, gone: true })
    expect((await listed()).map(({ backupId }) => backupId)).toEqual(['b1'])
    expect(await listed('?all=true')).toMatchObject([
      { backupId: 'b2', takenAt: takenAt + DAY, goneAt: expect.any(Number) },
      { backupId: 'b1' },
    ])
    expect(await listed('?systemId=cache&all=true')).toEqual([])
    const { rows } = await stand.pool.query(`SELECT DISTINCT credential_id, action FROM audit.restores`)
    expect(rows).toEqual([{ credential_id: 'tool', action: 'backup' }])
  })

  it('alerts of one that is kept longer than the data map says, or that it does not foresee at all, until it is gone', async () => {
    const takenAt = Date.now() - DAY
    const long = {
      systemId: 'shop-pg',
      backupId: 'long',
      policy: 'yearly',
      takenAt,
      keptUntil: takenAt + 31 * DAY,
    }
    expect((await report(long)).body.alerts).toEqual(['kept_longer', 'unknown_policy'])
    expect((await report({ systemId: 'cache', backupId: 'c1', takenAt })).body).toMatchObject({
      dueAt: null,
      alerts: ['kept_longer'],
    })
    expect([await keptLonger('shop-pg'), await keptLonger('cache')]).toEqual([1, 1])
    await report({ ...long, gone: true })
    await report({ systemId: 'cache', backupId: 'c1', takenAt, gone: true })
    expect([await keptLonger('shop-pg'), await keptLonger('cache')]).toEqual([0, 0])
  })

  it('refuses what can not be meant and who may not, and says where', async () => {
    const fine = { systemId: 'shop-pg', backupId: 'b9', takenAt: 1 }
    expect(await report({ ...fine, systemId: 'nobodys' })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
    for (const [path, body] of [
      ['takenAt', { ...fine, takenAt: '2026-11-21' }],
      ['takenAt', { ...fine, takenAt: -1 }],
      ['backupId', { ...fine, backupId: 'a b' }],
      ['keptUntil', { ...fine, keptUntil: 1.5 }],
    ] as const) {
      const { status, body: told } = await report(body)
      expect({ path, status, told: JSON.stringify(told) }).toMatchObject({
        status: 400,
        told: expect.stringContaining(path),
      })
    }
    expect((await report({ ...fine, kept: 1 })).status).toBe(400)
    expect((await report(fine, 'vera')).status).toBe(403)
    expect((await ask('GET', '', 'shop')).status).toBe(403)
    expect((await ask('GET', '', null)).status).toBe(401)
    expect((await listed('?all=true')).map(({ backupId }) => backupId)).not.toContain('b9')
  })

  it('knows one that was restored, though nobody had reported it, or somebody had said that it was gone', async () => {
    const process = stand.process()
    await round(process)
    const copy = await stand.shop.backUp()
    const { confirmedAt } = (await stand.store.marker('shop-pg')) ?? {}
    await report({ systemId: 'shop-pg', backupId: 'kept', takenAt: confirmedAt ?? 0, gone: true })
    for (const backupId of ['untold', 'kept']) {
      await round(process)
      await stand.shop.restore(copy)
      await process.restores.announce(operator, { systemId: 'shop-pg', backupId, gateMode: 'unhooked' })
      await process.guard.idle()
      expect(await stand.store.history('shop-pg', 1)).toMatchObject([{ backupId, phase: 'opened' }])
      expect((await listed()).find((one) => one.backupId === backupId)).toMatchObject({
        takenAt: confirmedAt,
        goneAt: null,
      })
    }
  })
})
