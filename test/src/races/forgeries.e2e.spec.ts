import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { ErasureRequestView, LetheClient } from '@lethe/client'
import type { wire } from '@lethe/schemas'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from '../harness/chain.js'
import { withRedis } from '../harness/stores.js'
import { until, untilStatus, untilStep } from '../harness/wait.js'
import { footprint, type Person, sizeOf } from '../shop/oracle.js'
import { keysOf, otherTenant } from '../shop/seed.js'
import { acknowledgement, countsOf, Forger, forgeries, sealed } from './forging.js'
import { customer, erasureOf, systemIds, wrongCounts } from './people.js'

const settled = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED']

describe('forgeries', () => {
  let chain: Chain
  let client: LetheClient
  let forger: Forger

  beforeAll(async () => {
    chain = await Chain.start({ shop: { customers: 800 } })
    client = chain.client()
    forger = await Forger.open(chain)
  })

  afterAll(async () => {
    await forger?.close()
    await chain?.stop()
  })

  /** Requests whose first command is out and that no eraser has seen: the cache's stands still meanwhile. */
  async function begun(people: readonly Person[]): Promise<ErasureRequestView[]> {
    return Promise.all(
      people.map(async (person) => {
        const { requestId } = await client.request(erasureOf(person))
        return untilStep(client, requestId, 'cache#1', ['IN_PROGRESS'])
      }),
    )
  }
  const views = (all: readonly { requestId: string }[]) =>
    Promise.all(all.map(({ requestId }) => client.get(requestId)))
  /** What is left of each, of rows and keys. */
  const sizes = (people: readonly Person[]) =>
    Promise.all(people.map(async (person) => sizeOf(await footprint(chain.pgUrl, chain.redisUrl, person))))
  /** The shop's application knows a person again whose erasure is over. */
  const comesBack = ({ tenantId, userId }: Person) =>
    withRedis(chain.redisUrl, async (redis) => {
      for (const key of keysOf(tenantId, userId)) await redis.set(key, '{}')
    })
  /** Passes of a command that nobody asked about since the audit had so many answers. */
  const unasked = async (passes: readonly OpenPass[], since: number) => {
    const audited = (await forger.audit(passes.map(({ requestId }) => requestId))).slice(since)
    const seen = new Set(audited.map((row) => `${row.request_id} ${row.pass_id}`))
    return passes.filter(({ requestId, passId }) => !seen.has(`${requestId} ${passId}`))
  }
  const untilRefused = (count: number) =>
    until(
      'forgeries among the dead letters',
      () => forger.refused(),
      (codes) => codes.length >= count,
    )

  it('of acknowledgements change no request and lie in the dead letters; the true one counts, once', async () => {
    chain.signal('eraser-cache', 'SIGSTOP')
    let requests: ErasureRequestView[]
    let sent: number
    try {
      requests = await begun([customer(10), customer(11), otherTenant])
      const [mine, theirs, abroad] = await Promise.all(
        requests.map(({ requestId }) => forger.grant(requestId)),
      )
      if (!mine || !theirs || !abroad) throw new Error('three requests, three grants')
      const again = await forger.grant(mine.requestId)
      const before = await views(requests)
      const forged = Object.values(forgeries(mine, again, theirs, abroad))
      sent = forged.length
      await forger.acknowledge(...forged)
      expect(await untilRefused(sent)).toEqual(forged.map(() => 'grant_invalid'))
      expect(await views(requests)).toEqual(before)
      const { at } = chain.context
      const metrics = await (await fetch(`${at.aggregatorUrl}/metrics`)).text()
      const counted = /dead_lettered_total\{[^}]*code="grant_invalid"[^}]*\} (\d+)/.exec(metrics)
      expect(Number(counted?.[1])).toBe(sent)

      // The same words under the one-time key itself are taken: what was seen above is the key's doing.
      const lie = { ...acknowledgement(theirs), counts: { elsewhere: countsOf(9) } }
      await forger.acknowledge(sealed(lie, theirs.macKey))
      await untilStep(client, theirs.requestId, 'cache#1', ['COMPLETED'])
    } finally {
      chain.signal('eraser-cache', 'SIGCONT')
    }
    const [mine, , abroad] = requests.map(({ requestId }) => requestId) as [string, string, string]
    for (const id of [mine, abroad]) expect((await untilStatus(client, id, settled)).status).toBe('COMPLETED')
    expect(await wrongCounts(client, mine)).toEqual([])

    const done = await client.get(mine)
    const truth = await receiptOf(mine)
    const altered = { ...truth, ackId: randomUUID(), counts: { elsewhere: countsOf(1) } }
    await forger.acknowledge(truth, truth, altered)
    // The altered one comes after the repeated ones: when it is refused, they were folded.
    expect(await untilRefused(sent + 1)).toHaveLength(sent + 1)
    expect(await client.get(mine)).toEqual(done)
  })

  async function receiptOf(requestId: string): Promise<wire.ErasureAcknowledged> {
    const key = `lethe:cache:receipt:{${requestId}}:cache#1/initial`
    const body = await withRedis(chain.redisUrl, (redis) => redis.hget(key, 'body'))
    return JSON.parse(body as string) as wire.ErasureAcknowledged
  }

  it('of commands erase nothing, whoever they name; a cancel before the first grant stands, after it is refused', async () => {
    const [heldPerson, cancelledPerson, waitingPerson] = [customer(20), customer(21), customer(22)]
    const returned = customer(23)
    const untouched = [heldPerson, cancelledPerson, waitingPerson, returned]
    const finished = await client.request(erasureOf(returned))
    const waiting = await client.request({ ...erasureOf(waitingPerson), graceDays: 7 })
    await untilStatus(client, finished.requestId, settled)
    await comesBack(returned)
    chain.signal('eraser-cache', 'SIGSTOP')
    let stopped: ErasureRequestView[]
    try {
      stopped = await begun([heldPerson, cancelledPerson, customer(24)])
      const [held, cancelled, granted] = stopped.map(({ requestId }) => requestId) as [string, string, string]
      await client.command(held, 'hold')
      expect((await client.command(cancelled, 'cancel')).status).toBe('CANCELLED')
      await forger.grant(granted)
      await expect(client.command(granted, 'cancel')).rejects.toMatchObject({
        code: 'illegal_transition',
        status: 409,
      })
    } finally {
      chain.signal('eraser-cache', 'SIGCONT')
    }
    const [held, cancelled, granted] = stopped as [ErasureRequestView, ErasureRequestView, ErasureRequestView]
    expect((await untilStatus(client, granted.requestId, settled)).status).toBe('COMPLETED')

    const targets = [held, cancelled, waiting, finished]
    const before = await views(targets)
    const unknown = { ...waiting, requestId: randomUUID(), subjectRef: randomUUID() }
    const ids = [...targets, unknown].map(({ requestId }) => requestId)
    const asked = (await forger.audit(ids)).length
    const forged = [...targets, unknown].map(forgedCommand)
    await forger.command(...forged)
    // One question per pass: what has its receipt is not asked for again, its acknowledgement is repeated.
    const open = forged.flatMap((command) => openPasses(command, command.requestId === finished.requestId))
    await until(
      'every forged pass to be asked for',
      () => unasked(open, asked),
      (left) => left.length === 0,
    )
    const answers = (await forger.audit(ids)).slice(asked)
    expect(answers.filter(({ decision, grant_id }) => decision === 'go' || grant_id !== null)).toEqual([])
    const codes = (id: string) => [
      ...new Set(answers.flatMap((row) => (row.request_id === id ? [`${row.decision} ${row.code}`] : []))),
    ]
    expect(codes(held.requestId).sort()).toEqual(['never not_found', 'not_now on_hold'])
    expect(codes(unknown.requestId)).toEqual(['never not_found'])
    // Whoever was granted shows as `go`: the audit would have shown it.
    expect((await forger.audit([granted.requestId])).some(({ decision }) => decision === 'go')).toBe(true)
    expect(await views(targets)).toEqual(before)
    expect(await sizes(untouched)).toEqual([16, 16, 16, 5])
  })

  it('of commands would be seen: an eraser that does not ask erases whom one names, and the audit lacks its questions', async () => {
    const person = customer(25)
    await chain.exchange('eraser-cache', program('unasking-eraser'))
    try {
      const finished = await client.request(erasureOf(person))
      await untilStatus(client, finished.requestId, settled)
      await comesBack(person)
      expect(await sizes([person])).toEqual([5])
      const asked = (await forger.audit([finished.requestId])).length
      const command = forgedCommand(finished)
      await forger.command(command)
      await until(
        'the forged command to erase',
        () => sizes([person]),
        ([left]) => left === 0,
      )
      const open = openPasses(command, true)
      const left = await until(
        'the honest eraser to ask',
        () => unasked(open, asked),
        (seen) => seen.every(({ systemId }) => systemId === 'cache'),
      )
      expect(left.map(({ passId }) => passId)).toContain('cache#1/retry-7')
    } finally {
      await chain.exchange('eraser-cache')
    }
  })

  it('of a purpose or a system find every credential but the right one refused, and are audited', async () => {
    const { secrets } = chain.context
    const { requestId } = await client.request({ ...erasureOf(customer(30)), graceDays: 7 })
    const wrong = [
      ['eraser-shop-pg', 'erase'],
      ['probe-cache', 'erase'],
      ['eraser-cache', 'probe'],
      ['admin', 'erase'],
      ['privacy-officer', 'probe'],
      ['shop-backend', 'erase'],
    ] as const
    for (const [credential, purpose] of wrong) {
      const answer = await forger.ask(secrets.token(credential), requestId, 'cache', purpose)
      expect([credential, answer.status, answer.body?.code]).toEqual([credential, 403, 'forbidden'])
    }
    expect((await forger.ask(null, requestId)).status).toBe(401)
    for (const [credential, purpose] of [
      ['eraser-cache', 'erase'],
      ['probe-cache', 'probe'],
    ] as const)
      expect((await forger.ask(secrets.token(credential), requestId, 'cache', purpose)).status).toBe(200)
    const audited = await forger.audit([requestId])
    expect(audited.map((row) => [row.credential_id, row.purpose, row.decision, row.code])).toEqual([
      ...wrong.map(([credential, purpose]) => [credential, purpose, 'never', 'forbidden']),
      ['eraser-cache', 'erase', 'never', 'not_found'],
      ['probe-cache', 'probe', 'never', 'not_found'],
    ])
  })
})

const program = (name: string) => fileURLToPath(new URL(`../../dist/races/${name}.js`, import.meta.url))

interface OpenPass {
  readonly requestId: string
  readonly systemId: string
  readonly passId: string
}

/** The passes of a command that an eraser has to ask about: those with a receipt are not asked for again. */
const openPasses = ({ requestId, passes }: wire.ErasureRequested, finished: boolean): OpenPass[] =>
  passes
    .filter(({ passId }) => !(finished && passId.endsWith('#1/initial')))
    .map(({ systemId, passId }) => ({ requestId, systemId, passId }))

/** A command for the first passes of both systems, one that no attempt was emitted for, and one of no plan. */
function forgedCommand({ requestId, tenantId, subjectRef }: ErasureRequestView): wire.ErasureRequested {
  const passes = systemIds.flatMap((systemId) => [
    { systemId, stepId: `${systemId}#1`, passId: `${systemId}#1/initial`, attempt: 1 },
    { systemId, stepId: `${systemId}#1`, passId: `${systemId}#1/retry-7`, attempt: 7 },
    { systemId, stepId: `${systemId}#9`, passId: `${systemId}#9/initial`, attempt: 1 },
  ])
  return { requestId, tenantId, subjectRef, mapVersion: 1, passes, requestedAt: Date.now() }
}
