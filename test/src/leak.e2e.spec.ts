import { createDecipheriv, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { search, searchAll } from '@lethe/eraser-kit/conformance'
import { withClient } from '@lethe/infra'
import { listDeadLetters, MessageCodec } from '@lethe/messaging'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { loose, OtlpReceiver } from './harness/otlp-receiver.js'
import { until, untilStatus } from './harness/wait.js'
import { askFor, newCanary, personOf } from './leak/canary.js'
import * as paths from './leak/paths.js'
import { addCustomers, makeUndeletable } from './leak/people.js'
import { everywhere, metricsOf, type Piece, type Place } from './leak/places.js'
import { plant } from './leak/planted.js'

/** In every identifier of people who are erased, held, refused or asked for in vain. */
const canary = newCanary()
/** In messages that a hostile producer put on the topics; it may lie where it was put and nowhere else. */
const poison = newCanary()
/** Put into every place on purpose. */
const planted = newCanary()

const places: Place[] = ['kafka', 'table', 'dump', 'file', 'wal', 'log', 'metrics', 'http', 'trace']

describe('an identifier', () => {
  let chain: Chain
  let pieces: Piece[]
  let hits: { canary: typeof canary; place: Place; name: string; form: string; excerpt: string }[]
  let receiver: OtlpReceiver
  let traced: string[]

  beforeAll(async () => {
    const sinceMs = Date.now() - 5_000
    receiver = await OtlpReceiver.start()
    chain = await Chain.start({
      shop: { customers: 800 },
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
    })
    const walk = paths.walkOf(chain, canary)
    const client = chain.client()
    const names = ['http', 'intake', 'held', 'other', 'refused', 'failing', 'unlucky']
    await addCustomers(
      chain,
      names.map((name) => paths.person(walk, name)),
    )
    const failing = paths.person(walk, 'failing')
    await makeUndeletable(chain, failing)

    const { requestId: doomed } = await client.request(askFor(failing, ['email']))
    const ids = await paths.askInBothWays(walk)
    traced = ids
    await paths.askInVain(walk)
    const knocks = await paths.knockEverywhere(walk)
    await paths.askNonsense(walk)
    await paths.breakTheDatabase(walk)
    const codec = await MessageCodec.connect(chain.context.at.registryUrl, { register: false })
    const quarantines = await paths.poison({ ...walk, canary: poison }, codec)
    const kafka = {
      brokers: chain.context.at.brokers,
      clientId: 'lethe-test',
      topicPrefix: chain.topicPrefix,
    }
    await until(
      'a dead letter in every quarantine',
      async () => new Set((await listDeadLetters(kafka)).map(({ topic, group }) => `${topic}.${group}.dlq`)),
      (seen) => quarantines.every((topic) => seen.has(topic)),
    )
    for (const id of ids)
      expect((await untilStatus(client, id, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
    await until(
      'the failure of the one who can not be deleted',
      () => client.get(doomed),
      ({ steps }) => steps.some(({ errorCode }) => errorCode !== null),
    )

    const { metricsUrl, close } = await plant(chain, personOf(planted, 'planted'), receiver.url)
    pieces = [
      ...(await everywhere(chain, [...metricsOf(chain), metricsUrl], sinceMs)),
      ...[walk.http, ...knocks].flatMap(({ answers }) =>
        answers.map(({ asked, answer }): Piece => {
          const shown = `${JSON.stringify(answer.headers)}\n${answer.text}`
          return { place: 'http', name: `${answer.status} ${asked}`, bytes: Buffer.from(shown) }
        }),
      ),
      ...receiver.bodies.map((bytes): Piece => ({ place: 'trace', name: 'an export', bytes })),
      { place: 'http', name: 'planted', bytes: Buffer.from(JSON.stringify(personOf(planted, 'planted'))) },
    ]
    close()
    const canaries = [canary, poison, planted]
    hits = pieces.flatMap(({ place, name, bytes }) =>
      searchAll(bytes, canaries).flatMap((found, at) =>
        found.map((hit) => ({ canary: canaries[at] as typeof canary, place, name, ...hit })),
      ),
    )
  })

  afterAll(async () => {
    await chain?.stop()
    await receiver?.close()
  })

  const found = (core: typeof canary) => hits.filter((hit) => hit.canary === core)

  it('would be found wherever it is looked for: one was put there on purpose', () => {
    const seen = new Set(found(planted).map(({ place }) => place))
    for (const place of places) expect([...seen]).toContain(place)
    expect(pieces.filter(({ place }) => place === 'metrics')).toHaveLength(7)
    expect(pieces.some(({ name }) => /erasure\.requested\.eraser\.shop-pg\.dlq/.test(name))).toBe(true)
  })

  it('is in no topic, table, file, WAL segment, log, metric or answer, whatever happened to its person', () => {
    expect(found(canary)).toEqual([])
  })

  it('that a producer put on a topic is copied nowhere from there', () => {
    const source = new RegExp(
      `^${chain.topicPrefix}erasure\\.(requested|probe\\.requested|acknowledged|intake|status)-\\d+/`,
    )
    expect(found(poison).filter(({ name }) => !source.test(name))).toEqual([])
    expect(found(poison).some(({ name }) => source.test(name))).toBe(true)
  })

  it('leaves one connected trace per request, from the call through every system and back', async () => {
    const systems = ['shop-pg', 'cache']
    for (const requestId of traced) {
      const spans = await until(
        'a whole trace',
        async () => receiver.traceOf(requestId),
        (seen) => loose(seen).length === 1 && loose(seen)[0]?.name === 'request.accept',
      )
      const named = (name: string) => spans.filter((span) => span.name === name)
      for (const name of ['eraser.pass', 'eraser.clearance', 'eraser.erase', 'eraser.acknowledge'])
        expect(new Set(named(name).map(({ attributes }) => attributes['lethe.system.id']))).toEqual(
          new Set(systems),
        )
      for (const name of ['probe.pass', 'probe.clearance', 'probe.look', 'probe.report'])
        expect(new Set(named(name).map(({ attributes }) => attributes['lethe.system.id']))).toEqual(
          new Set(systems),
        )
      for (const name of ['request.transact', 'aggregator.fold', 'kafka.consume'])
        expect(named(name).length).toBeGreaterThan(0)
      expect(
        new Set(named('outbox.publish').map(({ attributes }) => attributes['messaging.destination.name'])),
      ).toEqual(
        new Set(['erasure.requested', 'erasure.probe.requested', 'erasure.status', 'erasure.tombstones']),
      )
    }
    const calls = traced.flatMap((id) => receiver.traceOf(id)).filter(({ name }) => name === 'http.call')
    expect(calls.map(({ attributes }) => attributes['http.route'])).toContain('/v1/erasure-requests')
  })

  it('is in the vault, for whoever has the key of its epoch and for nobody else', async () => {
    const keys = JSON.parse(readFileSync(chain.context.secrets.vaultKeysFile, 'utf8')) as {
      epochs: Record<string, string>
    }
    const rows = await withClient(chain.letheUrl, async (client) => {
      const { rows } = await client.query<{
        request_id: string
        context: string
        epoch: string
        sealed: Buffer
      }>(
        `SELECT request_id, system_id AS context, epoch, sealed FROM vault.entries
         UNION ALL SELECT request_id, '@note:' || note_id, epoch, sealed FROM vault.notes`,
      )
      return rows
    })
    const open = ({ request_id, context, epoch, sealed }: (typeof rows)[number], key: Buffer) => {
      const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13))
      cipher.setAAD(Buffer.from(`${request_id}|${context}|${epoch}`))
      cipher.setAuthTag(sealed.subarray(-16))
      return Buffer.concat([cipher.update(sealed.subarray(13, -16)), cipher.final()])
    }
    const opened = rows.map((row) => ({
      row,
      plain: open(row, Buffer.from(keys.epochs[row.epoch] ?? '', 'base64url')),
    }))
    expect(opened.filter(({ plain }) => search(plain, canary).length > 0).length).toBeGreaterThan(10)
    expect(
      opened.some(({ row, plain }) => row.context.startsWith('@note:') && plain.includes('A court')),
    ).toBe(true)
    for (const row of rows) expect(() => open(row, randomBytes(32))).toThrow()
  })
})
