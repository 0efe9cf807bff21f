import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { callJson, ProblemError, UnreachableError } from './http-call.js'

const marked = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `#canary#${text}`)
const ask = () => callJson({ url: 'http://127.0.0.1:1', token: 'none' }, 'GET', '/v1/anything')
const answers = (body: string, init: ResponseInit = {}) =>
  vi.stubGlobal('fetch', async () => new Response(body, init))
const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  )

afterEach(() => vi.unstubAllGlobals())

describe('an answer', () => {
  it('that is a problem document is thrown with its code, its text and when to come back', async () => {
    const problem = { type: 'https://x/docs/problems/queue_full.md', title: 'Full', detail: 'Send again.' }
    answers(JSON.stringify(problem), { status: 429, headers: { 'retry-after': '3' } })
    await expect(ask()).rejects.toMatchObject({
      code: 'queue_full',
      status: 429,
      message: 'Full: Send again.',
      retryAfterSeconds: 3,
    })
  })

  it.each([
    ['a page', '<html>'],
    ['null', 'null'],
    ['a list', '[1]'],
    ['a number', '5'],
    ['members of other types', '{"type":{"toString":1},"title":{},"detail":[],"code":7}'],
  ])('of failure that is %s is told by its status', async (_what, body) => {
    answers(body, { status: 502, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } })
    await expect(ask()).rejects.toMatchObject({
      code: 'unknown',
      status: 502,
      message: 'the service answered 502',
      retryAfterSeconds: null,
    })
  })

  it('of success that is no JSON counts as no answer, and is not quoted', async () => {
    answers('<p>#canary#</p>')
    const error = await failure(ask())
    expect(error).toBeInstanceOf(UnreachableError)
    expect(String(error)).not.toContain('#canary#')
  })

  it('of any content is a value, a problem or no answer, and never an error of ours', async () => {
    const any = fc.oneof(
      marked,
      fc.json(),
      fc
        .record(
          {
            type: fc.anything(),
            title: fc.anything(),
            detail: fc.anything(),
            code: fc.anything(),
            extra: fc.anything(),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? 0 : one))),
    )
    const status = fc.constantFrom(200, 201, 400, 404, 409, 429, 500, 502, 503)
    await fc.assert(
      fc.asyncProperty(any, status, fc.stringMatching(/^[ -~]{0,20}$/), async (body, code, after) => {
        answers(body, { status: code, headers: { 'retry-after': after } })
        const error = await failure(ask())
        if (error === null) return
        expect(error instanceof ProblemError || error instanceof UnreachableError, String(error)).toBe(true)
        if (!(error instanceof ProblemError)) return
        expect(error.status).toBe(code)
        expect(error.retryAfterSeconds === null || Number.isSafeInteger(error.retryAfterSeconds)).toBe(true)
        if (body.startsWith('#canary#')) expect(String(error)).not.toContain('#canary#')
      }),
    )
  })
})
