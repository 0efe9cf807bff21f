import { describe, expect, it } from 'vitest'
import { RetryableError } from './errors.js'
import { createLogger, describeError } from './logger.js'

const secret = 'anna@example.org'

function written(use: (logger: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = []
  use(createLogger('spec', { level: 'trace', destination: { write: (line) => lines.push(line) } }))
  return lines.join('')
}

class StoreError extends Error {
  readonly code = '23503'
  readonly detail = `Key (email)=(${secret}) is still referenced.`
}

describe('the logger', () => {
  it('writes an error as type, code and frames, never its text or detail', () => {
    const error = new RetryableError('store_down', 'The store did not answer.', {
      cause: new StoreError(`insert failed for\n    at ${secret}`),
    })
    const text = written((logger) => logger.error({ err: error }))
    expect(text).not.toContain(secret)
    const line = JSON.parse(text)
    expect(line).toMatchObject({
      service: 'spec',
      msg: 'store_down',
      err: { type: 'RetryableError', code: 'store_down', errorClass: 'retryable', cause: { code: '23503' } },
    })
    expect(line.err.at[0]).toMatch(/logger\.unit\.spec/)
  })

  it('does not copy the text of a bare error into the message', () => {
    expect(written((logger) => logger.error(new StoreError(secret)))).not.toContain(secret)
  })

  it('hides fields that may hold an identifier, three levels down too', () => {
    const text = written((logger) =>
      logger.info(
        { email: secret, a: { identifiers: [secret], b: { value: secret, c: { token: secret } } } },
        'x',
      ),
    )
    expect(text).not.toContain(secret)
    expect(text).toContain('[hidden]')
  })

  it('tells nothing of a code that is not a code', () => {
    expect(describeError(Object.assign(new Error('x'), { code: `key ${secret}` })).code).toBeUndefined()
  })
})
