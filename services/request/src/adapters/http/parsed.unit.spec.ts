import { ProblemError, parsed } from '@lethe/service-host'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  clearanceBody,
  commandBodies,
  createBody,
  listQuery,
  previewBody,
  verificationQuery,
} from './bodies.js'

const good = {
  tenantId: 'shop',
  identifiers: [{ type: 'email', value: 'a@example.com' }],
}
const problemOf = (work: () => unknown): ProblemError => {
  try {
    work()
  } catch (error) {
    if (error instanceof ProblemError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('a body', () => {
  it('gets the documented defaults', () => {
    expect(parsed(createBody, good)).toMatchObject({
      regime: 'gdpr',
      requesterRole: 'service',
      graceDays: 7,
      approval: 'none',
    })
  })

  it('that is wrong only in its identifiers is called so, with the position', () => {
    const refused = problemOf(() =>
      parsed(createBody, { ...good, identifiers: [good.identifiers[0], { type: 'email', value: 5 }] }),
    )
    expect(refused.code).toBe('invalid_identifier')
    expect(refused.detail).toContain('body.identifiers[1].value')
  })

  it('with unknown fields is refused without naming them', () => {
    const refused = problemOf(() => parsed(createBody, { ...good, 'anna@example.com': 1 }))
    expect(refused.code).toBe('invalid_request')
    expect(JSON.stringify(refused.toProblem())).not.toContain('anna')
  })

  it('of any shape is accepted or refused with a problem that repeats no string of it', () => {
    const marked = fc.string({ minLength: 3 }).map((text) => `#canary#${text}`)
    const anything = fc.anything({ key: marked, values: [marked, fc.integer(), fc.constant(null)] })
    const nested = fc.record(
      { tenantId: anything, identifiers: anything, regime: anything, identity: anything, purpose: anything },
      { requiredKeys: [] },
    )
    const shapes = [
      createBody,
      previewBody,
      clearanceBody,
      listQuery,
      verificationQuery,
      ...Object.values(commandBodies),
    ]
    fc.assert(
      fc.property(fc.constantFrom(...shapes), fc.oneof(anything, nested), (shape, input) => {
        try {
          parsed<unknown>(shape, input)
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError)
          expect(JSON.stringify((error as ProblemError).toProblem())).not.toContain('#canary#')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
