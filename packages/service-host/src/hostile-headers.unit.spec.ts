import { createHash } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuthGuard } from './access/auth.guard.js'
import { Credentials } from './access/credentials-file.js'
import { ProblemError } from './problem.js'
import { parseTraceparent, rootOf, traceIdOf } from './tracing/trace-ids.js'

const marked = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `#canary#${text}`)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('an Authorization header', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'lethe-fuzz-')), 'credentials.json')
  const known = { id: 'a', sha256: sha256('a-good-token'), roles: ['viewer'], tenants: ['acme'] }
  writeFileSync(file, JSON.stringify([known]))
  const guard = new AuthGuard(Credentials.read(file))
  const enter = (authorization: unknown) => {
    const request = { headers: { authorization } }
    return guard.canActivate({ switchToHttp: () => ({ getRequest: () => request }) } as never)
  }

  it('with the token of a credential lets its caller in, however Bearer is written', async () => {
    for (const word of ['Bearer', 'bearer', 'BEARER']) expect(await enter(`${word} a-good-token`)).toBe(true)
  })

  it('of any other content is refused as unauthenticated, and not repeated', async () => {
    const value = fc.oneof(
      marked,
      marked.map((text) => `Bearer ${text}`),
      fc.stringMatching(/^(Bearer|Basic) [ -~]{0,600}$/),
      fc.array(marked, { maxLength: 3 }),
      fc.constantFrom(undefined, '', 'Bearer', 'Bearer ', 'Bearer a-good-token ', 'Bearer  a-good-token'),
    )
    await fc.assert(
      fc.asyncProperty(value, async (authorization) => {
        const refused: unknown = await enter(authorization).catch((error: unknown) => error)
        expect(refused).toBeInstanceOf(ProblemError)
        const problem = (refused as ProblemError).toProblem()
        expect(problem).toMatchObject({ status: 401 })
        expect(JSON.stringify(problem)).not.toContain('#canary#')
      }),
    )
  })
})

describe('a traceparent header', () => {
  it('that says which trace it is of is read to the same', () => {
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
    fc.assert(
      fc.property(hex(32), hex(16), hex(2), (traceId, spanId, flags) => {
        fc.pre(!/^0+$/.test(traceId) && !/^0+$/.test(spanId))
        expect(parseTraceparent(`00-${traceId}-${spanId}-${flags}`)).toEqual({
          traceId,
          spanId,
          flags: Number.parseInt(flags, 16),
        })
      }),
    )
  })

  it('of any other content is none: nothing of it can reach a span', () => {
    const near = fc.stringMatching(/^(00|ff)-?[0-9a-fA-F@.]{0,34}-?[0-9a-f]{0,18}-?[0-9a-f]{0,3}$/)
    fc.assert(
      fc.property(fc.oneof(marked, near), (text) => {
        const read = parseTraceparent(text)
        if (read === null) return
        expect(text).toBe(`00-${read.traceId}-${read.spanId}-${text.slice(-2)}`)
        expect(read.traceId).toMatch(/^[0-9a-f]{32}$/)
        expect(read.spanId).toMatch(/^[0-9a-f]{16}$/)
      }),
    )
  })

  it('is made of a request id and of nothing else', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const traceId = traceIdOf(id)
        expect(traceId).toBe(id.replaceAll('-', ''))
        expect(parseTraceparent(rootOf(String(traceId)))?.traceId).toBe(traceId)
      }),
    )
    fc.assert(fc.property(marked, (text) => traceIdOf(text) === null))
  })
})
