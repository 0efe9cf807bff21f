import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Queries } from './application/queries.js'
import { parsePeppers } from './vault/digest.js'
import { IntakeKey } from './vault/intake-key.js'
import { KeyFile } from './vault/key-file.js'

const marked = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `#canary#${text}`)
const quiet = (error: unknown) => expect(String(error)).not.toContain('#canary#')
const officer = { id: 'o', roles: ['privacy_officer'], tenants: ['*'], systemId: null } as const

describe('input of any content', () => {
  it('as a JWE does not open, and is not repeated', { timeout: 60_000 }, async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = await IntakeKey.from(privateKey.export({ format: 'jwk' }) as Record<string, unknown>)
    const part = fc.oneof(marked, fc.base64String(), fc.constant(''))
    const jwe = fc.oneof(
      marked,
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    )
    await fc.assert(
      fc.asyncProperty(jwe, async (text) => {
        const error = await key.open(text).catch((cause: unknown) => cause)
        expect((error as { code?: string }).code).toBe('intake_undecryptable')
        quiet(error)
      }),
    )
  })

  it('as peppers or as a key file is refused without being shown', { timeout: 60_000 }, () => {
    const file = join(mkdtempSync(join(tmpdir(), 'lethe-fuzz-')), 'keys.json')
    const content = fc.oneof(
      marked,
      fc
        .record({ current: marked, epochs: fc.dictionary(fc.constant('e1'), marked) }, { requiredKeys: [] })
        .map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(marked, content, (text, json) => {
        expect(() => parsePeppers(text)).toThrow(/peppers are written/)
        writeFileSync(file, json)
        try {
          new KeyFile(file)
        } catch (error) {
          expect(String(error)).toMatch(/key file|not JSON|no key/)
        }
      }),
    )
  })

  it('as a cursor is refused, whatever it holds, before the database is asked', {
    timeout: 60_000,
  }, async () => {
    const nothing = {} as never
    const queries = new Queries(nothing, nothing, nothing)
    const key = fc.oneof(
      fc
        .anything()
        .map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? 0 : one)) ?? 'none'),
      fc.constantFrom(
        '[1,"\\u0000"]',
        '[1,["a"]]',
        '[0,"!",""]',
        '{"requestId":"\\u0000","systemId":"a"}',
        '["1","a"]',
      ),
      marked,
    )
    await fc.assert(
      fc.asyncProperty(key, async (text) => {
        // One in a form of ours asks the database, which is right.
        fc.pre(!inOurForm(text))
        const cursor = Buffer.from(text).toString('base64url')
        for (const ask of [
          () => queries.list(officer, { cursor, limit: 1 }),
          () => queries.verificationView(officer, { cursor, limit: 1 }),
        ]) {
          const error = await ask().catch((cause: unknown) => cause)
          expect((error as { code?: string }).code).toBe('invalid_request')
          quiet(error)
        }
      }),
    )
  })
})

/** `[time, id]` of a list or the pair of a verification, with text that PostgreSQL can hold. */
function inOurForm(text: string): boolean {
  if (text.includes('\\u0000')) return false
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value))
      return value.length === 2 && typeof value[0] === 'number' && typeof value[1] === 'string'
    const { requestId, systemId } = (value ?? {}) as Record<string, unknown>
    return typeof requestId === 'string' && typeof systemId === 'string'
  } catch {
    return false
  }
}
