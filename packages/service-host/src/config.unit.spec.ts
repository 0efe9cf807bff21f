import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ConfigError, loadConfig, logLevel } from './config.js'

const schema = z.object({
  LETHE_URL: z.url(),
  LETHE_PORT: z.coerce.number().int().min(1),
  LETHE_TOPIC_PREFIX: z.string().default(''),
})

describe('loadConfig', () => {
  it('parses what is there and fills in defaults', () => {
    expect(loadConfig(schema, { LETHE_URL: 'http://127.0.0.1:1', LETHE_PORT: '29001' })).toEqual({
      LETHE_URL: 'http://127.0.0.1:1',
      LETHE_PORT: 29001,
      LETHE_TOPIC_PREFIX: '',
    })
  })

  it('names everything that is missing or wrong in one message, without a value', () => {
    const load = () => loadConfig(schema, { LETHE_URL: '', LETHE_PORT: 'hunter2' })
    expect(load).toThrow(ConfigError)
    expect(load).toThrow(/LETHE_URL: is missing[\s\S]*LETHE_PORT: /)
    expect(load).not.toThrow(/hunter2/)
  })

  it('logs at info when the level is mistyped', () => {
    expect(logLevel({ LETHE_LOG_LEVEL: 'verbos' })).toBe('info')
  })
})
