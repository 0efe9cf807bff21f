import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import * as answers from './adapters/http/answers.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

type Answer = Readonly<Record<string, unknown>>

let stand: Stand
let requestId: string
beforeAll(async () => {
  stand = await openStand()
  requestId = await accepted(stand, askByEmail(newPerson(stand).email))
})
afterAll(() => stand.close())

const get = (path: string, token: string = tokens.officer) => stand.call<Answer>('GET', path, { token })
const post = (path: string, body: object, token: string = tokens.all) =>
  stand.call<Answer>('POST', path, { token, body })
const epoch = async (): Promise<unknown> =>
  ((await get('/v1/vault', tokens.all)).body as { epochs: { epoch: string }[] }).epochs[0]?.epoch
const identifiers = () => askByEmail(newPerson(stand).email).identifiers
const beat = (more: object = {}) => ({
  role: 'erase',
  instance: '5f3c0c7e-2d4b-4a53-9a53-3b6f7a1c9d10',
  version: '1.0.0',
  startedAt: 1,
  store: 'ok',
  windowMs: 60_000,
  done: 3,
  failed: 0,
  pacing: { size: 5, max: 10, perSecond: null, waitsMs: 0 },
  ...more,
})
const passes = () => [{ requestId, passId: 'cache#1/initial', attempt: 1 }]

type Asked = () => Promise<{ readonly status: number; readonly body: Answer }>
const asked: [string, z.ZodObject, Asked][] = [
  ['a request', answers.erasureRequest, () => get(`/v1/erasure-requests/${requestId}`)],
  ['the list', answers.requestPage, () => get('/v1/erasure-requests')],
  ['its events', answers.timeline, () => get(`/v1/erasure-requests/${requestId}/events`)],
  ['its findings', answers.verificationOfOne, () => get(`/v1/erasure-requests/${requestId}/verification`)],
  ['all findings', answers.verificationPage, () => get('/v1/verification')],
  [
    'a preview',
    answers.preview,
    () => post('/v1/previews', { tenantId: 'shop', identifiers: identifiers() }, tokens.officer),
  ],
  [
    'the requests of a person',
    answers.foundRequests,
    () => post('/v1/people/requests', { tenantId: 'shop', identifiers: identifiers() }, tokens.officer),
  ],
  [
    'where a person is',
    answers.whereabouts,
    () => post('/v1/people/where', { tenantId: 'shop', identifiers: identifiers() }, tokens.officer),
  ],
  [
    'clearance',
    answers.clearance,
    () =>
      post('/v1/clearance', { systemId: 'cache', purpose: 'erase', passes: passes() }, tokens.cacheEraser),
  ],
  ['a beat', answers.heard, () => post('/v1/beats', beat(), tokens.cacheEraser)],
  [
    'tombstones',
    answers.tombstoneRows,
    () => post('/v1/tombstones', { systemId: 'cache', reason: 'restore-1' }, tokens.restore),
  ],
  [
    'tombstones in columns',
    answers.tombstoneColumns,
    () => post('/v1/tombstones', { systemId: 'cache', reason: 'restore-1', as: 'columns' }, tokens.restore),
  ],
  ['the oldest tombstone', answers.oldestTombstone, () => get('/v1/tombstones/oldest', tokens.cacheEraser)],
  ['a hold', answers.heldRequest, () => post(`/v1/erasure-requests/${requestId}/hold`, {}, tokens.officer)],
  ['the data map checked', answers.checkedMap, () => get('/v1/map-check', tokens.all)],
  ['the intake key', answers.publicKey, () => get('/v1/intake-key')],
  ['the vault', answers.vaultStatus, () => get('/v1/vault', tokens.all)],
  ['a rotation tried', answers.rotatedVault, () => post('/v1/vault/rotate', { dryRun: true })],
  ['a rotation', answers.rotatedVault, () => post('/v1/vault/rotate', {})],
  [
    'a resealing tried',
    answers.resealedEpoch,
    async () => post('/v1/vault/reseal', { epoch: await epoch(), dryRun: true }),
  ],
  ['a resealing', answers.resealedEpoch, async () => post('/v1/vault/reseal', { epoch: await epoch() })],
  [
    'a destruction tried',
    answers.destroyedEpoch,
    async () => post('/v1/vault/destroy', { epoch: await epoch(), dryRun: true }),
  ],
  ['the peppers', answers.pepperStatus, () => get('/v1/vault/peppers', tokens.all)],
  ['a new pepper tried', answers.rotatedPepper, () => post('/v1/vault/peppers/rotate', { dryRun: true })],
]

describe('a beat', () => {
  it('is of the credential’s own system and role, one row per process, and of nobody else', async () => {
    const told = async (body: object, token: string) => (await post('/v1/beats', body, token)).status
    expect(await told(beat({ done: 9 }), tokens.cacheEraser)).toBe(200)
    expect(await told(beat({ role: 'probe' }), tokens.cacheProbe)).toBe(200)
    expect(await told(beat(), tokens.cacheProbe)).toBe(403)
    expect(await told(beat({ systemId: 'shop-pg' }), tokens.cacheEraser)).toBe(400)
    expect(await told(beat({ store: 'password of ada@example.com refused' }), tokens.cacheEraser)).toBe(400)
    for (const token of [tokens.officer, tokens.all, tokens.service])
      expect(await told(beat(), token)).toBe(403)
    const { rows } = await stand.pool.query('SELECT system_id, role, done FROM machine.beats ORDER BY role')
    expect(rows).toEqual([
      { system_id: 'cache', role: 'erase', done: '9' },
      { system_id: 'cache', role: 'probe', done: '3' },
    ])
  })
})

describe('an answer has the form that the OpenAPI document gives it, and another form would be found:', () => {
  it.each(asked)('%s', async (_what, shape, ask) => {
    const { status, body } = await ask()
    expect(status, JSON.stringify(body)).toBe(200)
    expect(shape.safeParse(body).error?.issues ?? []).toEqual([])
    for (const [field, inside] of Object.entries(shape.shape)) {
      const wrong = { ...body, [field]: Symbol('of another form') }
      expect(shape.safeParse(wrong).success, field).toBe(false)
      const { [field]: _, ...without } = body
      if (!(inside as z.ZodType).safeParse(undefined).success)
        expect(shape.safeParse(without).success, field).toBe(false)
    }
  })
})
