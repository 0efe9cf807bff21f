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
import { askByCommand, commandThatPrints } from './leak/cli.js'
import { demonstrate } from './leak/demo.js'
import * as paths from './leak/paths.js'
import { addCustomers, makeUndeletable, makeUnreadable, withIndexSet } from './leak/people.js'
import { everywhere, metricsOf, type Piece, type Place } from './leak/places.js'
import { codecs, plant, type Undo } from './leak/planted.js'

/** In every identifier of people who are erased, held, refused or asked for in vain. */
const canary = newCanary()
/** In messages that a hostile producer put on the topics; it may lie where it was put and nowhere else. */
const poison = newCanary()
/** Put into every place on purpose. */
const planted = newCanary()

/** Every place that is looked into: what the scan calls a piece of it. Each has one planted, which must be found. */
const places: Record<string, RegExp> = {
  'a topic': /^kafka t\w+\.planted-0/,
  'a topic of Lethe': /^kafka t\w+\.erasure\.status-/,
  'a dead-letter topic': /^kafka t\w+\.erasure\.requested\.eraser\.shop-pg\.dlq-/,
  ...Object.fromEntries(
    codecs.map((codec) => [
      `a topic its broker packs with ${codec}`,
      new RegExp(`^kafka t\\w+\\.packed-${codec}-0/.* \\(unpacked\\)$`),
    ]),
  ),
  "Connect's topic of configurations": /^kafka connect-configs-/,
  "Connect's topic of statuses": /^kafka connect-status-/,
  "Connect's topic of offsets": /^kafka connect-offsets-/,
  "Connect's configuration over HTTP": /^connect \/connectors\/lethe-planted-\S+\/config$/,
  'the trace of a failed task over HTTP': /^connect \/connectors\/lethe-planted-\S+\/status$/,
  "Connect's overview over HTTP": /^connect \/connectors\?/,
  'the log of the broker': /^log .*\/kafka\.log$/,
  'the log of Connect': /^log .*\/connect\.log$/,
  'the log of the registry': /^log .*\/registry\.log$/,
  "the log of Lethe's PostgreSQL": /^log .*\/postgres-lethe\.log$/,
  'the log of a process': /^log .*\/probe-cache\.log$/,
  "the registry's files": /^registry /,
  'a table': /^table public\.planted$/,
  'a dump': /^dump /,
  'a file of the database': /^file .*\/base\//,
  'the write-ahead log': /^wal /,
  metrics: /^metrics http:\/\/127\.0\.0\.1:\d+\/metrics$/,
  'an answer': /^http 404 GET \/v1\/nothing$/,
  'a trace': /^trace /,
  'what a command prints': /^cli print-/,
  'what the demonstration prints': /^demo planted$/,
  'the arguments of a process': /^cmdline /,
  'the environment of a process': /^environ /,
}

describe('an identifier', () => {
  let chain: Chain
  let pieces: Piece[]
  let hits: { canary: typeof canary; place: Place; name: string; form: string; excerpt: string }[]
  let receiver: OtlpReceiver
  let traced: string[]
  let redisSays: string
  /** What the stores' refusals are called by Lethe. */
  const refusals: string[] = []
  const undos: Undo[] = []

  beforeAll(async () => {
    const sinceMs = Date.now() - 5_000
    receiver = await OtlpReceiver.start()
    chain = await Chain.start({
      shop: { customers: 800 },
      dataMap: withIndexSet,
      env: {
        LETHE_LOG_LEVEL: 'trace',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
    })
    const walk = paths.walkOf(chain, canary)
    const client = chain.client()
    const names = [
      'http',
      'intake',
      'held',
      'other',
      'refused',
      'failing',
      'unlucky',
      'cli',
      'demo',
      'twin',
      'double',
      'unreadable',
    ]
    await addCustomers(
      chain,
      names.map((name) => paths.person(walk, name)),
    )
    const failing = paths.person(walk, 'failing')
    await makeUndeletable(chain, failing)
    const unreadable = paths.person(walk, 'unreadable')
    redisSays = await makeUnreadable(chain, unreadable)

    const doomed = [
      await client.request(askFor(failing, ['email'])),
      await client.request(askFor(unreadable, ['email'])),
    ]
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
    for (const { requestId } of doomed) {
      const { steps } = await until(
        'the failure of those whom a store refuses',
        () => client.get(requestId),
        (view) => view.steps.some(({ errorCode }) => errorCode !== null),
      )
      refusals.push(
        ...steps.flatMap(({ stepId, errorCode }) => (errorCode ? [`${stepId} ${errorCode}`] : [])),
      )
    }

    const demo = await demonstrate(walk)
    const badPerson = personOf(planted, 'planted')
    const lockedOut = Object.assign(new URL(chain.letheUrl), { username: badPerson.userId, password: 'none' })
    const commands = await askByCommand(walk, ids[0] as string, lockedOut.href)
    const { http: bad, demo: badDemo } = await plant(chain, badPerson, receiver, (undo) => undos.push(undo))
    const answers = [walk.http, bad, ...knocks]
    pieces = [
      ...commands,
      await commandThatPrints(walk, planted.word),
      { place: 'demo', name: 'an erasure', bytes: Buffer.from(demo) },
      { place: 'demo', name: 'planted', bytes: Buffer.from(badDemo) },
      ...(await everywhere(chain, metricsOf(chain), sinceMs)),
      ...answers.flatMap(({ answers }) =>
        answers.map(({ asked, answer }): Piece => {
          const shown = `${JSON.stringify(answer.headers)}\n${answer.text}`
          return { place: 'http', name: `${answer.status} ${asked}`, bytes: Buffer.from(shown) }
        }),
      ),
      ...receiver.bodies.map((bytes): Piece => ({ place: 'trace', name: 'an export', bytes })),
    ]
    const canaries = [canary, poison, planted]
    hits = pieces.flatMap(({ place, name, bytes }) =>
      searchAll(bytes, canaries).flatMap((found, at) =>
        found.map((hit) => ({ canary: canaries[at] as typeof canary, place, name, ...hit })),
      ),
    )
  }, 600_000)

  afterAll(async () => {
    for (const undo of undos.reverse()) await undo()
    await chain?.stop()
    await receiver?.close()
  })

  const found = (core: typeof canary) => hits.filter((hit) => hit.canary === core)

  it('would be found wherever it is looked for: one was put there on purpose', () => {
    const seen = found(planted).map(({ place, name }) => `${place} ${name}`)
    const missed = Object.keys(places).filter((which) => !seen.some((one) => places[which]?.test(one)))
    expect(missed).toEqual([])
    expect(pieces.filter(({ place }) => place === 'metrics')).toHaveLength(6)
    // Every command was answered by the service it asked, not by an error of the command line alone.
    expect(
      pieces.filter(({ place, name }) => place === 'cli' && /with 0$/.test(name)).length,
    ).toBeGreaterThan(12)
    const answered = pieces.filter(({ place, name }) => place === 'cli' && /with [035]$/.test(name))
    for (const verb of [
      'watch',
      'approve',
      'extend',
      'hold',
      'release',
      'cancel',
      'map check',
      'vault status',
    ])
      expect(answered.map(({ name }) => name).join('\n')).toMatch(new RegExp(`^${verb} `, 'm'))
  })

  it('that PostgreSQL quotes to a command is not printed by it', () => {
    expect(found(planted).filter(({ place, name }) => place === 'cli' && !/^print-/.test(name))).toEqual([])
    expect(pieces.some(({ name }) => name === 'rebuild --database ended with 1')).toBe(true)
  })

  it('that a store quotes when it refuses becomes a code', () => {
    expect(refusals).toEqual(['shop-pg#1 refused_by_trigger', 'cache#1 wrong_type'])
    // The control: the vendor's client, left alone, makes an error of it that holds the person's id.
    expect(search(Buffer.from(redisSays), canary)).not.toEqual([])
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
