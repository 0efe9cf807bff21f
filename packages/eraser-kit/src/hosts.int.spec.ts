import { randomUUID } from 'node:crypto'
import { endpoints } from '@lethe/infra'
import {
  createTopics,
  KafkaBatchStrategy,
  type KafkaConfig,
  MessageCodec,
  MessageProducer,
  withAdmin,
} from '@lethe/messaging'
import { verifyMac, type wire } from '@lethe/schemas'
import type { RunningService } from '@lethe/service-host'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { EraserConfig } from './config.js'
import type { Backdoor, Person } from './conformance/backdoor.js'
import { inventPerson, subjectOf } from './conformance/people.js'
import { openShelfBackdoor } from './conformance/specimen/shelf-backdoor.js'
import { shelfConnector } from './conformance/specimen/shelf-connector.js'
import { READER, WRITER } from './conformance/specimen/shelf-server.js'
import { RequestStandIn } from './request-stand-in.spec.js'
import { startEraser } from './run-eraser.js'

const TOKEN = 'the token of this eraser'
const PROBE_TOKEN = 'what request shows to probes'
const types = ['user_id', 'email'] as const
const { brokers, registryUrl } = endpoints()

/** The shelf, with its connection as one URL as a deployment has it. */
const shelf = {
  ...shelfConnector(),
  options: z.object({ url: z.url() }).transform(({ url }) => {
    const { hostname, port, password } = new URL(url)
    return { host: hostname, port: Number(port), password: decodeURIComponent(password) }
  }),
}

describe('the hosts of a connector on Kafka', () => {
  const run = randomUUID().slice(0, 8)
  const kafka: KafkaConfig = { brokers, clientId: 'eraser-kit-spec', topicPrefix: `spec-${run}.` }
  const acknowledgements: wire.ErasureAcknowledged[] = []
  const reports: wire.ProbeReported[] = []
  let backdoor: Backdoor
  let request: RequestStandIn
  let producer: MessageProducer
  let follower: KafkaBatchStrategy
  let service: RunningService | undefined
  let system: string

  beforeAll(async () => {
    backdoor = await openShelfBackdoor()
    request = await RequestStandIn.open(TOKEN)
    const codec = await MessageCodec.connect(registryUrl, { register: true })
    await createTopics(kafka)
    producer = new MessageProducer({ kafka, codec })
    follower = new KafkaBatchStrategy({
      kafka,
      group: `spec-${run}-follower`,
      codec,
      subscriptions: [{ topic: 'erasure.acknowledged', mode: 'batch' }],
      tuning: { maxWaitMs: 50 },
    }).handle<wire.ErasureAcknowledged | wire.ProbeReported>('erasure.acknowledged', async (batch) => {
      for (const { value } of batch) 'ackId' in value ? acknowledgements.push(value) : reports.push(value)
    })
    await new Promise<void>((resolve, reject) => {
      void follower.listen((error) => (error ? reject(error) : resolve()))
    })
  })
  afterAll(async () => {
    await follower?.close()
    await producer?.disconnect()
    await request?.close()
    await backdoor?.close()
    await withAdmin(kafka, async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`spec-${run}.`))
      await admin.deleteTopics(topics)
    })
  })
  beforeEach(async () => {
    await backdoor.reset()
    request.subjects.clear()
    request.asked.length = 0
    request.status = 200
    acknowledgements.length = 0
    reports.length = 0
    system = `shelf-${randomUUID().slice(0, 8)}`
    request.section = {
      version: 1,
      tenant: backdoor.tenant,
      canonical: 'user_id',
      system: { systemId: system, kind: 'shelf', connection: 'SHELF', ceiling: null, body: backdoor.system },
    }
  })
  afterEach(async () => {
    await service?.stop()
    service = undefined
  })

  const config = (role: 'erase' | 'probe', change: Partial<EraserConfig> = {}): EraserConfig => ({
    systemId: system,
    role,
    port: 0,
    requestUrl: request.url,
    token: TOKEN,
    registryUrl,
    kafka,
    probeToken: PROBE_TOKEN,
    secret: (name) => (name === 'SHELF' ? urlWith(role === 'erase' ? WRITER : READER) : undefined),
    ...change,
  })
  const urlWith = (password: string) =>
    `shelf://x:${encodeURIComponent(password)}@${backdoor.endpoint.host}:${backdoor.endpoint.port}`

  function know(person: Person): string {
    const requestId = randomUUID()
    request.subjects.set(requestId, subjectOf(person, types))
    return requestId
  }
  const headers = () => ({ systems: `,${system},` })

  const command = (requestId: string) => ({
    topic: 'erasure.requested' as const,
    key: requestId,
    type: 'ErasureRequested',
    headers: headers(),
    value: {
      requestId,
      tenantId: 'acme',
      subjectRef: `ref-${requestId}`,
      mapVersion: 1,
      passes: [system, 'another-system'].map((systemId) => ({
        systemId,
        stepId: `${systemId}#1`,
        passId: `${systemId}#1/initial`,
        attempt: 1,
      })),
      requestedAt: Date.now(),
    } satisfies wire.ErasureRequested,
  })
  const probeCommand = (requestId: string) => ({
    topic: 'erasure.probe.requested' as const,
    key: requestId,
    type: 'ErasureProbeRequested',
    headers: headers(),
    value: {
      requestId,
      tenantId: 'acme',
      subjectRef: `ref-${requestId}`,
      mapVersion: 1,
      probes: [{ systemId: system, passId: `${system}/probe-1`, probeKind: 'after_erasure' as const }],
      requestedAt: Date.now(),
    } satisfies wire.ErasureProbeRequested,
  })

  const acksOf = (requestId: string) => acknowledgements.filter((ack) => ack.requestId === requestId)
  const acknowledged = (requestId: string, times = 1) =>
    vi.waitUntil(() => acksOf(requestId).length >= times && acksOf(requestId), {
      timeout: 30_000,
      interval: 20,
    })

  it('turns commands into sealed acknowledgements with the true counts of each person', async () => {
    service = await startEraser(shelf, config('erase'))
    const people = [inventPerson(types), inventPerson(types), inventPerson(types)] as const
    const seeded = []
    for (const [index, person] of people.entries()) seeded.push(await backdoor.seed(person, index + 1))
    const ids = people.map(know)
    await producer.send(ids.map(command))
    for (const [index, id] of ids.entries()) {
      const [ack] = await acknowledged(id)
      expect(ack).toMatchObject({ systemId: system, outcome: 'erased', attempt: 1, errorCode: null })
      expect(ack?.counts.profiles?.erased).toBe(seeded[index]?.profiles)
      expect(ack && verifyMac(ack, request.ackKey(ack))).toBe(true)
    }
    expect((await backdoor.snapshot()).size).toBe(0)
    expect(acknowledgements.every(({ systemId }) => systemId === system)).toBe(true)
    expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(
      new RegExp(`lethe_eraser_passes_total\\{.*system="${system}".*outcome="erased"`),
    )
  })

  it('repeats the same acknowledgement for a redelivered command, without asking for clearance again', async () => {
    service = await startEraser(shelf, config('erase'))
    const person = inventPerson(types)
    await backdoor.seed(person, 2)
    const id = know(person)
    await producer.send([command(id)])
    await acknowledged(id)
    const asked = request.asked.length
    await producer.send([command(id)])
    const [first, second] = await acknowledged(id, 2)
    expect(second).toEqual(first)
    expect(request.asked.length).toBe(asked)
  })

  it('erases nothing and loses nothing while request does not answer', async () => {
    service = await startEraser(shelf, config('erase'))
    const person = inventPerson(types)
    const seeded = await backdoor.seed(person, 1)
    const id = know(person)
    request.status = 503
    await producer.send([command(id)])
    await vi
      .waitUntil(async () => (await readiness()).status === 200, { timeout: 100 })
      .catch(() => undefined)
    expect(await backdoor.count(person)).toEqual(seeded)
    expect(acksOf(id)).toEqual([])
    request.status = 200
    const [ack] = await acknowledged(id)
    expect(ack?.outcome).toBe('erased')
  })

  it('drops a pass that never gets clearance and goes on', async () => {
    service = await startEraser(shelf, config('erase'))
    const person = inventPerson(types)
    await backdoor.seed(person, 1)
    const unknown = randomUUID()
    const id = know(person)
    await producer.send([command(unknown), command(id)])
    await acknowledged(id)
    await vi.waitUntil(
      () => request.asked.some(({ passes }) => passes.some((p) => p.requestId === unknown)),
      {
        timeout: 30_000,
      },
    )
    expect(acksOf(unknown)).toEqual([])
  })

  it('acknowledges the one person the store refuses as failed, and everybody else as erased', async () => {
    service = await startEraser(shelf, config('erase'))
    const people = [inventPerson(types), inventPerson(types), inventPerson(types)] as const
    for (const person of people) await backdoor.seed(person, 1)
    const refusal = await backdoor.refuse?.(people[1])
    const ids = people.map(know)
    await producer.send(ids.map(command))
    const outcomes = []
    for (const id of ids) outcomes.push((await acknowledged(id))[0])
    expect(outcomes.map((ack) => ack?.outcome)).toEqual(['erased', 'failed', 'erased'])
    expect(outcomes[1]).toMatchObject({ errorCode: 'locked', errorClass: 'terminal' })
    await refusal?.undo()
  })

  it('is not ready, and spends nothing, with credentials the store refuses', async () => {
    service = await startEraser(shelf, config('erase', { secret: () => urlWith('wrong') }))
    const answer = await readiness()
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ checks: { store: 'credentials_refused' } })
    const id = know(inventPerson(types))
    await producer.send([command(id)])
    await service.stop()
    service = await startEraser(shelf, config('erase'))
    expect((await readiness()).status).toBe(200)
    const [ack] = await acknowledged(id)
    expect(ack?.outcome).toBe('not_found')
    expect(acksOf(id)).toHaveLength(1)
  })

  it('prunes receipts by itself, but none whose tombstone lives, and shows its lag and what it may use', async () => {
    const asked: number[] = []
    const effectiveAt = Date.UTC(2020, 0)
    request.oldest = effectiveAt
    const pruning: typeof shelf = {
      ...shelf,
      open: async (context) => {
        const session = await shelf.open(context)
        if (session.receipts)
          session.receipts.prune = async (before) => {
            asked.push(before.getTime())
            return 1
          }
        return session
      },
    }
    service = await startEraser(pruning, config('erase', { pruneEveryMs: 50 }))
    const person = inventPerson(types)
    await backdoor.seed(person, 1)
    const id = know(person)
    await producer.send([command(id)])
    await acknowledged(id)
    const metrics = async () => (await fetch(`${service?.url}/metrics`)).text()
    const pruned = new RegExp(`lethe_eraser_receipts_pruned_total\\{.*system="${system}".*\\} [1-9]`)
    await vi.waitUntil(async () => pruned.test(await metrics()), { timeout: 10_000, interval: 50 })
    expect(asked.every((before) => before < effectiveAt)).toBe(true)
    const group = `group="eraser.${system}"`
    await vi.waitUntil(
      async () =>
        (await metrics()).includes(
          `lethe_messaging_lag_unknown{${group},topic="erasure.requested",partition="0"`,
        ),
      { timeout: 10_000, interval: 50 },
    )
    expect(await metrics()).toMatch(new RegExp(`lethe_messaging_lag\\{${group}.*\\} \\d`))
    expect(await metrics()).toMatch(new RegExp(`lethe_eraser_store_usable\\{.*"${system}".*\\} 1`))
    expect(await (await readiness()).json()).toMatchObject({
      ready: true,
      checks: { store: 'ok', [`consumer.eraser.${system}`]: 'ok' },
    })
  })

  it('probes with its own credentials and seals what it found', async () => {
    service = await startEraser(shelf, config('probe'))
    const left = inventPerson(types)
    await backdoor.seed(left, 2)
    const ids = [know(left), know(inventPerson(types))]
    await producer.send(ids.map(probeCommand))
    const of = (id: string | undefined) => reports.find((report) => report.requestId === id)
    await vi.waitUntil(() => ids.every(of), { timeout: 30_000 })
    expect(of(ids[0])).toMatchObject({ result: 'residual', residual: { profiles: 2, letters: 2 } })
    expect(of(ids[1])).toMatchObject({ result: 'clean', probeKind: 'after_erasure' })
    for (const report of reports) expect(verifyMac(report, request.probeKey(report))).toBe(true)
  })

  it('previews for request only', async () => {
    service = await startEraser(shelf, config('probe'))
    const person = inventPerson(types)
    await backdoor.seed(person, 2)
    const preview = (token: string) =>
      fetch(`${service?.url}/v1/preview`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ subjects: [subjectOf(person, types)] }),
      })
    expect((await preview('something else entirely')).status).toBe(401)
    const answer = await preview(PROBE_TOKEN)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      results: [{ profiles: { found: 2 }, letters: { found: 2 } }],
    })
    expect(await backdoor.count(person)).toEqual({ profiles: 2, letters: 2 })
  })

  it('describes a map for request only, in force or not', async () => {
    service = await startEraser(shelf, config('probe'))
    const describes = (token: string, body: object) =>
      fetch(`${service?.url}/v1/describe`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await describes(TOKEN, {})).status).toBe(401)
    expect(await (await describes(PROBE_TOKEN, {})).json()).toEqual({
      version: '1',
      findings: [],
      grants: null,
    })
    const { system: own, ...rest } = request.section as { system: object }
    const candidate = { ...rest, system: { ...own, connection: 'OTHER' } }
    expect(await (await describes(PROBE_TOKEN, { section: candidate })).json()).toMatchObject({
      findings: [{ level: 'error', code: 'credentials_missing', where: system }],
    })
    expect((await describes(PROBE_TOKEN, { section: { version: 1 } })).status).toBe(400)
  })

  it('is not ready while the map in force does not fit, by the code of the finding', async () => {
    const findings = [
      { level: 'error' as const, code: 'referencing_unmapped', where: 'notes', message: 'Map it.' },
    ]
    const misfit = {
      ...shelf,
      open: async (context: Parameters<typeof shelf.open>[0]) => ({
        ...(await shelf.open(context)),
        describe: async () => ({ version: '1', collections: [], findings }),
      }),
    }
    service = await startEraser(misfit, config('erase'))
    const answer = await readiness()
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ checks: { store: 'ok', map: 'referencing_unmapped' } })
  })

  const readiness = () => fetch(`${service?.url}/readyz`)
})
