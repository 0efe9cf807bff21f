import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { crossing } from './errors.js'

it('a mistake of the connector itself leaves with where it was and without what it handled', () => {
  const error = crossing(new SyntaxError('no JSON: zoe#1\n    at zoe#1 (here)'), 'look for documents')
  expect(error).toMatchObject({ code: 'internal', errorClass: 'retryable' })
  expect((error.cause as Error).stack).toMatch(/^SyntaxError\n\s+at /)
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('zoe#1')
})
