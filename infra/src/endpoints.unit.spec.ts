import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { endpoints } from './endpoints.js'

afterEach(() => {
  delete process.env.LETHE_PORT_OFFSET
})

it('moves every port by the same offset', () => {
  const [usual, moved] = [endpoints(0), endpoints(500)]
  for (const [name, port] of Object.entries(usual.ports))
    expect(moved.ports[name as 'kafka']).toBe(port + 500)
  expect(moved.erasers.cache.probe).toBe(usual.erasers.cache.probe + 500)
  expect(moved.brokers).toEqual([`127.0.0.1:${usual.ports.kafka + 500}`])
})

it('gives no two parts of the stack the same port', () => {
  const { ports, erasers } = endpoints(0)
  const { erasersFrom, ...own } = ports
  const all = [...Object.values(own), ...Object.values(erasers).flatMap(({ erase, probe }) => [erase, probe])]
  expect(new Set(all).size).toBe(all.length)
  expect(erasers['shop-pg'].erase).toBe(erasersFrom)
})

it('refuses an offset that is no number or leads outside the ports there are', () => {
  process.env.LETHE_PORT_OFFSET = 'a lot'
  expect(() => endpoints()).toThrow('LETHE_PORT_OFFSET must be a whole number')
  expect(() => endpoints(40_000)).toThrow('does not exist')
})

it('reads any text as an offset that leaves every port one there is, or refuses it by name', () => {
  const numbers = fc.integer({ min: -70_000, max: 70_000 }).map(String)
  fc.assert(
    fc.property(fc.oneof(fc.string(), numbers, fc.double().map(String)), (text) => {
      process.env.LETHE_PORT_OFFSET = text.replaceAll('\0', '')
      try {
        const { ports, offset } = endpoints()
        expect(Number.isInteger(offset)).toBe(true)
        for (const port of Object.values(ports)) expect(port > 1_023 && port < 65_536).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        expect((error as Error).message).toContain('LETHE_PORT_OFFSET')
      }
    }),
  )
})
