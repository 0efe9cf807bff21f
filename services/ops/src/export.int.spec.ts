import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ops, Stand, tokens } from './testing/stand.js'

let stand: Stand
let ops: Ops
const ids: string[] = []

beforeAll(async () => {
  stand = await Stand.open()
  ops = await stand.start()
  for (let n = 0; n < 5; n++) ids.push(await stand.request({ dueInMs: (n + 1) * 86_400_000, planned: n > 1 }))
  await stand.request({ tenantId: 'other' })
})

afterAll(() => stand?.close())

const file = async (query = '', token: string = tokens.viewer) => {
  const response = await fetch(new URL(`/v1/requests.csv${query}`, ops.url), {
    headers: { authorization: `Bearer ${token}` },
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const rowsOf = (text: string): string[][] =>
  text
    .trim()
    .split('\r\n')
    .map((line) => line.split(','))

describe('the list as a file', () => {
  it('has every request that the list has by the same filter, in its order, and nobody’s of another tenant', async () => {
    for (const query of [
      '',
      'order=due',
      'order=due-last',
      'order=oldest',
      'status=IN_PROGRESS',
      'systemId=cache',
    ]) {
      const { status, headers, text } = await file(`?${query}`)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toMatch('text/csv')
      expect(headers.get('content-disposition')).toMatch('attachment')
      const { body } = await ops.get<{ items: { requestId: string }[] }>(`/v1/requests?${query}`)
      const [titles, ...rows] = rowsOf(text)
      expect(titles?.[0]).toBe('request_id')
      expect(rows.map(([id]) => id)).toEqual(body.items.map(({ requestId }) => requestId))
    }
    expect(rowsOf((await file()).text)).toHaveLength(ids.length + 1)
    expect(rowsOf((await file('', tokens.all)).text).length).toBeGreaterThan(ids.length + 1)
  })

  it('names nobody, and calculates nothing whatever a request holds', async () => {
    await stand.pool.query("UPDATE read_model.requests SET ground = '=HYPERLINK(1)' WHERE request_id = $1", [
      ids[0],
    ])
    const { text } = await file()
    expect(text).toContain(`"'=HYPERLINK(1)"`)
    expect(text).not.toContain('subject-of-')
    expect(text).not.toContain('credential-1')
  })

  it('is audited with what was asked, is for staff only, and takes no page and no unknown word', async () => {
    await file('?status=FAILED')
    await eventually(
      async () => {
        const { rows } = await stand.pool.query(
          "SELECT outcome FROM audit.actions WHERE action = 'export' AND target = 'requests.csv?status=FAILED' ORDER BY id",
        )
        return rows.map(({ outcome }) => outcome).join() === 'asked,done'
      },
      { deadlineMs: 10_000, late: () => new Error('the audit does not tell of it') },
    )
    expect((await file('', tokens.service)).status).toBe(403)
    expect((await file('?cursor=abc')).status).toBe(400)
    expect((await file('?email=ada@example.com')).text).not.toContain('ada@')
  })

  it('is broken off for who goes away, and the next are written all the same', async () => {
    for (let n = 0; n < 5; n++) {
      const abort = new AbortController()
      const answer = await fetch(new URL('/v1/requests.csv', ops.url), {
        headers: { authorization: `Bearer ${tokens.viewer}` },
        signal: abort.signal,
      })
      expect(answer.status).toBe(200)
      abort.abort()
      await answer.text().catch(() => '')
    }
    await eventually(async () => (await file()).status === 200, {
      deadlineMs: 10_000,
      late: () => new Error('files that nobody reads keep others from being written'),
    })
  })
})
