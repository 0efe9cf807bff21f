import { describe, expect, it } from 'vitest'
import { Slots } from './slots.js'

describe('a slot', () => {
  it('is nobody else’s until its page is recorded', () => {
    const slots = new Slots()
    expect([slots.take('a'), slots.take('a'), slots.take('a')]).toEqual([0, 1, 2])
    slots.free(1)
    expect(slots.take('a')).toBe(1)
  })

  it('of a page that ended too late is kept until all of its people are done', () => {
    const slots = new Slots()
    slots.keep(slots.take('a'), 'm')
    expect(slots.take('l')).toBe(1)
    expect(slots.take('m')).toBe(0)
  })

  it('is there for two pages under way and one being recorded, however often pages are quartered', () => {
    const slots = new Slots()
    slots.take('')
    for (let quartered = 0; quartered < 6; quartered++)
      for (const slot of [slots.take(''), slots.take('')]) slots.keep(slot, 'z')
    expect(new Set([slots.take(''), slots.take('')]).size).toBe(2)
    expect(() => Array.from({ length: 2 }, () => slots.take(''))).toThrow(/longer than a page lives/)
  })
})
