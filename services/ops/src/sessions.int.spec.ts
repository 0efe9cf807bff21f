import { eventually } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as answers from './adapters/http/answers.js'
import { Sessions } from './application/sessions.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

let stand: Stand
let ops: Ops
let id: string

beforeAll(async () => {
  stand = await Stand.open()
  ops = await stand.start()
  id = await stand.request()
})

afterAll(() => stand?.close())

const signIn = (token: unknown, headers: Record<string, string> = {}, on = ops) =>
  on.call('/v1/session', { method: 'POST', body: { token }, headers })

const told = (action: string, outcome: string) =>
  eventually(
    async () => {
      const { rows } = await stand.pool.query(
        'SELECT 1 FROM audit.actions WHERE action = $1 AND outcome = $2 LIMIT 1',
        [action, outcome],
      )
      return rows.length === 1
    },
    { deadlineMs: 10_000, late: () => new Error(`${action} ${outcome} is not in the audit`) },
  )

describe('signing in', () => {
  it('gives a cookie out of reach of scripts and other sites, and the token its page must bring along', async () => {
    const answer = await signIn(tokens.viewer)
    expect(answer.status).toBe(201)
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^lethe-session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(answers.session.parse(answer.body)).toMatchObject({ credentialId: 'viewer', roles: ['viewer'] })
    expect(JSON.stringify(answer.body)).not.toContain(tokens.viewer)
    expect(JSON.stringify(answer.body)).not.toContain(cookie.slice(14, 57))
    expect(answer.headers.get('cache-control')).toBe('no-store')
    await told('sign_in', 'done')
  })

  it('is bound to the host and to TLS where people come in by TLS', async () => {
    const outside = await stand.start({ publicUrl: 'https://ops.example.com' })
    const { headers } = await signIn(tokens.viewer, {}, outside)
    expect(headers.get('set-cookie')).toMatch(/^__Host-lethe-session=.*; Secure$/)
  })

  it('takes no unknown or expired token, nor one that has nothing to look at, and not from another site', async () => {
    expect((await signIn('nobody-knows-this')).status).toBe(401)
    expect((await signIn(tokens.expired)).status).toBe(401)
    expect((await signIn(tokens.eraser)).status).toBe(403)
    expect((await signIn(tokens.viewer, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await signIn(7)).status).toBe(400)
    await told('sign_in', 'unauthenticated')
  })

  it('is slowed down for an address that guesses, and then says for how long', async () => {
    const besieged = await stand.start()
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) statuses.push((await signIn(`guess-${n}`, {}, besieged)).status)
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
    const refused = await signIn(tokens.viewer, {}, besieged)
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await besieged.get('/v1/requests')).status).toBe(200)
  })
})

describe('a session', () => {
  it('may do what its credential may, the live stream included, and no more', async () => {
    const { cookie } = await ops.signIn(tokens.viewer)
    expect((await ops.call('/v1/requests', { cookie })).status).toBe(200)
    expect((await ops.call('/v1/session', { cookie })).body).toMatchObject({ credentialId: 'viewer' })
    const ending = new AbortController()
    const stream = await fetch(new URL('/v1/stream', ops.url), { headers: { cookie }, signal: ending.signal })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    ending.abort()
    const bearer = await ops.call('/v1/session', { token: tokens.operator })
    expect(bearer.body).toMatchObject({ credentialId: 'operator', csrfToken: null })
    expect((await ops.call('/v1/requests')).status).toBe(401)
    expect((await ops.call('/v1/requests', { cookie: `${cookie}x` })).status).toBe(401)
    expect((await ops.call('/v1/requests', { cookie: `${cookie}; ${cookie}` })).status).toBe(401)
  })

  it('changes nothing for a call without its token, with another’s, or from another site', async () => {
    const { cookie, csrf } = await ops.signIn(tokens.officer)
    const other = await ops.signIn(tokens.officer)
    const call = (headers: Record<string, string>) =>
      ops.call(`/v1/requests/${id}/hold`, { method: 'POST', cookie, body: {}, headers })
    const forgeries: Record<string, string>[] = [
      {},
      { 'x-lethe-csrf': 'forged' },
      { 'x-lethe-csrf': other.csrf },
      { 'x-lethe-csrf': csrf, 'sec-fetch-site': 'same-site' },
    ]
    for (const headers of forgeries)
      expect(await call(headers)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const asked = () => stand.pool.query('SELECT 1 FROM audit.actions WHERE action = $1', ['hold'])
    expect((await asked()).rows).toEqual([])
    // Without the check they come through: these calls do find out whether it is there.
    const unchecked = vi.spyOn(Sessions.prototype, 'assertOwnPage').mockImplementation(() => undefined)
    for (const headers of forgeries.slice(0, 3)) expect((await call(headers)).status).toBe(503)
    unchecked.mockRestore()
    await told('forged_call', 'forbidden')
    // The same call with all of it comes through to where it is refused for another reason: nobody is asked here.
    expect((await call({ 'x-lethe-csrf': csrf, 'sec-fetch-site': 'same-origin' })).status).toBe(503)
  })

  it('is over at once when signed out of, and nothing but its own page can do that', async () => {
    const { cookie, csrf } = await ops.signIn(tokens.viewer)
    expect((await ops.call('/v1/session', { method: 'DELETE', cookie })).status).toBe(403)
    const stream = await fetch(new URL('/v1/stream', ops.url), { headers: { cookie } })
    const ended = stream.text().then(
      () => 'ended',
      () => 'ended',
    )
    const out = await ops.call('/v1/session', {
      method: 'DELETE',
      cookie,
      headers: { 'x-lethe-csrf': csrf },
    })
    expect(out.status).toBe(204)
    expect(out.headers.get('set-cookie')).toMatch(/^lethe-session=;.*Max-Age=0$/)
    expect((await ops.call('/v1/requests', { cookie })).status).toBe(401)
    expect(await ended).toBe('ended')
    const first = await ops.signIn(tokens.viewer)
    await ops.call('/v1/session', { method: 'POST', body: { token: tokens.viewer }, cookie: first.cookie })
    expect((await ops.call('/v1/requests', { cookie: first.cookie })).status).toBe(401)
  })

  it('takes no call of a page that is of another session, whose tabs must not hear of this one', async () => {
    const before = await ops.signIn(tokens.officer)
    const after = await ops.signIn(tokens.viewer)
    const name = async (of: string) =>
      answers.session.parse((await ops.call('/v1/session', { cookie: of })).body).tabs ?? ''
    const [old, own] = [await name(before.cookie), await name(after.cookie)]
    expect(own).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(own).not.toBe(old)
    for (const path of ['/v1/stream', '/v1/changes', '/v1/requests']) {
      const refused = await ops.call(path, { cookie: after.cookie, headers: { 'x-lethe-tabs': old } })
      expect(refused, path).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
    const headers = { 'x-lethe-tabs': own }
    expect((await ops.call('/v1/requests', { cookie: after.cookie, headers })).status).toBe(200)
    expect((await ops.call('/v1/session', { token: tokens.viewer })).body['tabs']).toBeNull()
    for (const secret of [old, own]) expect(stand.logText).not.toContain(secret)
  })

  it('takes its stream along when it runs out, although nothing else is asked for', async () => {
    const brief = await stand.start({ session: { idleMs: 60_000, longestMs: 2_000 } })
    const { cookie } = await brief.signIn(tokens.viewer)
    const begun = Date.now()
    const stream = await fetch(new URL('/v1/stream', brief.url), { headers: { cookie } })
    expect(stream.status).toBe(200)
    await stream.text().catch(() => undefined)
    expect(Date.now() - begun).toBeLessThan(20_000)
    for (let n = 0; n < 2; n++)
      expect(await brief.call('/v1/session', { cookie })).toMatchObject({
        status: 401,
        body: { ended: 'too_old' },
      })
  })

  it('ends when nobody sits there, however often its page asks by itself', async () => {
    const strict = await stand.start({ session: { idleMs: 2_000, longestMs: 60_000 } })
    const left = await strict.signIn(tokens.viewer)
    const used = await strict.signIn(tokens.viewer)
    const seen = { left: 200, used: 200 }
    await eventually(
      async () => {
        seen.left = (await strict.call('/v1/requests?limit=1', { cookie: left.cookie })).status
        const headers = { 'x-lethe-attended': '1' }
        seen.used = (await strict.call('/v1/requests?limit=1', { cookie: used.cookie, headers })).status
        return seen.left === 401
      },
      { deadlineMs: 30_000, late: () => new Error('it never ended') },
    )
    expect(seen.used).toBe(200)
    await told('session_ended', 'unused')
  })

  it('ends at its time although it is used, and with its credential', async () => {
    const brief = await stand.start({ session: { idleMs: 60_000, longestMs: 300 } })
    const { cookie } = await brief.signIn(tokens.viewer)
    const ended = async (on: Ops, of: string) => {
      let detail = ''
      await eventually(
        async () => {
          const answer = await on.call('/v1/session', { cookie: of, headers: { 'x-lethe-attended': '1' } })
          detail = String(answer.body['detail'] ?? '')
          return answer.status === 401
        },
        { deadlineMs: 20_000, late: () => new Error('it never ended') },
      )
      return detail
    }
    expect(await ended(brief, cookie)).toContain('as long as one may')
    const own = await Stand.open()
    try {
      const service = await own.start()
      const short = await service.signIn(tokens.brief)
      expect(await ended(service, short.cookie)).toContain('credential')
    } finally {
      await own.close()
    }
  })
})
