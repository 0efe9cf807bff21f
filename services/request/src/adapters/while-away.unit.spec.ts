import { PausedError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { pausedWhileAway } from './while-away.js'

describe('work of a consumer', () => {
  it('waits while the database is away', () =>
    expect(
      pausedWhileAway(() => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))),
    ).rejects.toBeInstanceOf(PausedError))

  it('fails by itself otherwise', async () => {
    const error = new TypeError('a mistake')
    await expect(pausedWhileAway(() => Promise.reject(error))).rejects.toBe(error)
    await expect(pausedWhileAway(async () => 'done')).resolves.toBe('done')
  })
})
