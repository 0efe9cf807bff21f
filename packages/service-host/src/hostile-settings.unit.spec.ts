import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Credentials } from './access/credentials-file.js'
import { ConfigError, loadConfig } from './config.js'
import { problemOf } from './problem.js'

const marked = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `#canary#${text}`)
const anything = fc.anything({
  key: fc.constantFrom('id', 'sha256', 'roles', 'tenants', 'systemId', 'expiresAt', 'credentials'),
  values: [marked, fc.double(), fc.constant(null), fc.boolean()],
  maxDepth: 4,
})

describe('settings of any content', () => {
  it('are read or refused with a ConfigError that shows no value', { timeout: 60_000 }, () => {
    const shape = z.object({
      A_URL: z.url(),
      A_NUMBER: z.coerce.number().int().min(1),
      A_SECRET: z.string().min(16, 'needs at least 16 characters'),
      A_CHOICE: z.enum(['one', 'two']),
    })
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(shape.shape)), marked), (env) => {
        try {
          loadConfig(shape, env)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
          expect(String(error)).not.toContain('#canary#')
        }
      }),
    )
  })

  it('of a credentials file are read or refused by the names of fields', { timeout: 60_000 }, () => {
    const file = join(mkdtempSync(join(tmpdir(), 'lethe-fuzz-')), 'credentials.json')
    const text = fc.oneof(
      anything.map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? 0 : one)) ?? ''),
      marked,
    )
    fc.assert(
      fc.property(text, marked, (content, token) => {
        writeFileSync(file, content)
        try {
          Credentials.read(file).authenticate(token, 0)
        } catch (error) {
          expect(String(error)).toMatch(/is malformed|is not JSON/)
          expect(String(error)).not.toContain('#canary#')
        }
      }),
    )
  })

  it('and errors of any kind leave as a problem that repeats none of their text', { timeout: 60_000 }, () => {
    const status = fc.oneof(fc.integer({ min: 0, max: 999 }), fc.anything())
    fc.assert(
      fc.property(marked, status, (message, statusCode) => {
        const found = problemOf(Object.assign(new Error(message), { statusCode }))
        expect(found.status).toBeGreaterThanOrEqual(400)
        expect(JSON.stringify(found.toProblem())).not.toContain('#canary#')
      }),
    )
  })
})
