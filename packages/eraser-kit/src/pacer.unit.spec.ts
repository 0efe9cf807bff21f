import { describe, expect, it } from 'vitest'
import { Pacer } from './pacer.js'

const never = new AbortController().signal

describe('the pacer', () => {
  it('halves its calls when grants end too early, and grows back to the maximum', () => {
    const pacer = new Pacer({ max: 8 }, () => 0)
    pacer.report(false)
    pacer.report(false)
    expect(pacer.size).toBe(2)
    for (let n = 0; n < 5; n++) pacer.report(false)
    expect(pacer.size).toBe(1)
    for (let n = 0; n < 5; n++) pacer.report(true)
    expect(pacer.size).toBe(8)
  })

  it('keeps to the rate a vendor allows', async () => {
    const pacer = new Pacer({ max: 1, perSecond: 20 }, Date.now)
    const startedAt = Date.now()
    for (let n = 0; n < 4; n++) await pacer.wait(1, never)
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(140)
  })

  it('does not keep a shutdown waiting', async () => {
    const pacer = new Pacer({ max: 1, perSecond: 0.01 }, () => 0)
    await pacer.wait(1, never)
    await expect(pacer.wait(1, AbortSignal.abort())).rejects.toThrow()
  })
})
