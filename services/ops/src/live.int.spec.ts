import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { ChangePage } from './application/changes.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

interface Event {
  readonly id: string | null
  readonly event: string
  readonly data: Record<string, unknown>
}

/** A reader of the stream, as a browser is one. */
class Reader {
  readonly events: Event[] = []
  private readonly abort = new AbortController()

  static async open(ops: Ops, token: string, lastEventId?: string): Promise<Reader> {
    const reader = new Reader()
    const headers = {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    }
    const response = await fetch(new URL('/v1/stream', ops.url), { headers, signal: reader.abort.signal })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch('text/event-stream')
    void reader.read(response)
    return reader
  }

  /** The changes of these requests, as `id version`. What was under way when it began may be told as well. */
  changes(...ids: string[]): string[] {
    const told = this.of('request').filter(({ data }) => ids.includes(String(data['requestId'])))
    return told.map(({ data }) => `${data['requestId']} ${data['version']}`)
  }

  of(name: string): Event[] {
    return this.events.filter(({ event }) => event === name)
  }

  get lastId(): string {
    return this.events.findLast(({ id }) => id !== null)?.id ?? ''
  }

  async until(condition: () => boolean): Promise<void> {
    await eventually(async () => condition(), {
      deadlineMs: 30_000,
      everyMs: 20,
      late: () =>
        new Error(
          `after 30 s only ${JSON.stringify(this.events.map(({ event, data }) => [event, data['type']]))}`,
        ),
    })
  }

  close(): void {
    this.abort.abort()
  }

  private async read(response: Response): Promise<void> {
    let text = ''
    try {
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString('utf8')
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.take(block)
      }
    } catch (error) {
      if (!this.abort.signal.aborted) throw error
    }
  }

  private take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null
    const event = field('event')
    if (event !== null) this.events.push({ id: field('id'), event, data: JSON.parse(field('data') ?? '{}') })
  }
}

let stand: Stand
let ops: Ops

beforeAll(async () => {
  stand = await Stand.open()
  ops = await stand.start()
})

afterAll(() => stand?.close())

/** Versions of one request in the order of the log. */
const logged = async (ids: readonly string[]): Promise<string[]> => {
  const { rows } = await stand.pool.query<{ stream_id: string; version: string }>(
    'SELECT stream_id, version FROM events.events WHERE stream_id = ANY ($1) ORDER BY transaction, position',
    [ids],
  )
  return rows.map((row) => `${row.stream_id} ${row.version}`)
}

/** A stream tells each change once and in order; what is not so is returned. */
const notTold = (told: readonly string[], wanted: readonly string[]): string[] =>
  told.length === wanted.length && told.every((one, index) => one === wanted[index])
    ? []
    : [
        ...wanted.filter((one) => !told.includes(one)),
        ...told.filter((one, index) => told.indexOf(one) !== index),
      ]

describe('the stream', () => {
  it('tells every change once and in order, and goes on where it was cut off, at another process too', async () => {
    const reader = await Reader.open(ops, tokens.viewer)
    await reader.until(() => reader.of('hello').length === 1)
    const first = await stand.request()
    const wanted = await logged([first])
    await reader.until(() => reader.changes(first).length >= wanted.length)
    expect(notTold(reader.changes(first), wanted)).toEqual([])
    reader.close()

    const second = await stand.request()
    await stand.hold(first)
    const another = await stand.start()
    const back = await Reader.open(another, tokens.viewer, reader.lastId)
    const third = await stand.request()
    const all = await logged([first, second, third])
    await back.until(() => back.changes(first, second, third).length >= all.length - wanted.length)
    const told = [...reader.changes(first), ...back.changes(first, second, third)]
    expect(notTold(told, all)).toEqual([])
    expect(notTold([...told, told[0] ?? ''], all)).not.toEqual([])
    expect(notTold(told.slice(1), all)).not.toEqual([])
    back.close()
  })

  it('tells nothing of another tenant', async () => {
    const reader = await Reader.open(ops, tokens.other)
    await reader.until(() => reader.of('hello').length === 1)
    const foreign = await stand.request()
    const mine = await stand.request({ tenantId: 'other' })
    const wanted = await logged([mine])
    await reader.until(() => reader.changes(mine).length >= wanted.length)
    expect(reader.changes(mine, foreign)).toEqual(wanted)
    reader.close()
  })

  it('brings lag and overview, which do not move the place to go on from', async () => {
    const reader = await Reader.open(ops, tokens.viewer)
    await reader.until(() => reader.of('lag').length > 0 && reader.of('overview').length > 1)
    expect(reader.of('overview').every(({ id }) => id === null)).toBe(true)
    answers.overview.parse(reader.of('overview')[0]?.data)
    reader.close()
  })

  it('says so, and goes on with what is new, when the place is not one of its own or too far back', async () => {
    for (const strange of ['nonsense', '1.1; DROP TABLE', '99999999999999999999.1']) {
      const reader = await Reader.open(ops, tokens.viewer, strange)
      await reader.until(() => reader.of('reset').length === 1)
      const id = await stand.request()
      const wanted = await logged([id])
      await reader.until(() => reader.changes(id).length >= wanted.length)
      expect(reader.changes(id)).toEqual(wanted)
      reader.close()
    }
    const { rows } = await stand.pool.query<{ at: string }>(
      `INSERT INTO events.events (stream_id, version, type, data)
       SELECT 'crowd-' || n, 1, 'RequestHeld', '{}' FROM generate_series(1, 6000) AS n
       RETURNING pg_current_xact_id()::text AS at`,
    )
    // Changes wait for every older transaction of the server, and other specs have theirs.
    const all = 'SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 AS told'
    const told = async () => (await stand.pool.query(all, [rows[0]?.at])).rows[0]?.told === true
    await eventually(told, { deadlineMs: 30_000, late: () => new Error('an older transaction does not end') })
    const late = await Reader.open(ops, tokens.viewer, '1.1')
    await late.until(() => late.of('reset').length === 1)
    late.close()
  })

  it('is for staff only', async () => {
    for (const [token, status] of [
      [null, 401],
      [tokens.expired, 401],
      [tokens.service, 403],
      [tokens.eraser, 403],
    ] as const) {
      expect((await ops.get('/v1/stream', token)).status).toBe(status)
      expect((await ops.get('/v1/changes', token)).status).toBe(status)
    }
  })

  it('can be asked for again and again instead, and gives the same', async () => {
    const begin = await ops.get<ChangePage>('/v1/changes')
    answers.changePage.parse(begin.body)
    expect(begin.body).toMatchObject({ items: [], end: true })
    const id = await stand.request()
    const wanted = await logged([id])
    const told: string[] = []
    let after = begin.body.next
    await eventually(
      async () => {
        const { body } = await ops.get<ChangePage>(`/v1/changes?after=${after}&limit=2`)
        answers.changePage.parse(body)
        const own = body.items.filter(({ requestId }) => requestId === id)
        told.push(...own.map(({ requestId, version }) => `${requestId} ${version}`))
        after = body.next
        return told.length >= wanted.length
      },
      { deadlineMs: 30_000, everyMs: 20, late: () => new Error('not everything was told') },
    )
    expect(notTold(told, wanted)).toEqual([])
    expect((await ops.get('/v1/changes?after=nonsense')).status).toBe(400)
  })
})
