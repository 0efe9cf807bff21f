import { describe, expect, it } from 'vitest'
import { instancesOf, servers, services, targetOf } from './faults.js'
import { customerOf, isTwin, plannedRequest } from './requests.js'
import { type Round, type ScheduleOptions, schedule } from './schedule.js'

const all = (options: ScheduleOptions): Round[] => [...schedule(options)]
const faultsOf = (rounds: readonly Round[]) =>
  rounds.flatMap(({ faults }) => faults.map(({ fault }) => fault))

describe('the schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    const rounds = all({ seed: 7, kills: 5 })
    expect(all({ seed: 7, kills: 5 })).toEqual(rounds)
    expect(all({ seed: 8, kills: 5 })).not.toEqual(rounds)
  })

  it('kills every service as often as asked for, and every instance of it', () => {
    const faults = faultsOf(all({ seed: 1, kills: 30 }))
    for (const service of services) {
      const kills = faults.filter((fault) => fault.kind === 'kill' && fault.target === service)
      expect(kills).toHaveLength(30)
      const instances = new Set(kills.map((fault) => ('instance' in fault ? fault.instance : 0)))
      expect(instances.size).toBe(instancesOf(service))
    }
  })

  it('kills every server, and does every kind of fault, within two decks', () => {
    const faults = faultsOf(all({ seed: 3, kills: 2 }))
    for (const server of servers)
      expect(faults.some((fault) => fault.kind === 'kill' && fault.target === server)).toBe(true)
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(
      new Set(['kill', 'stop', 'rebalance', 'link', 'slot', 'disk', 'clock', 'poison']),
    )
  })

  it('has faults alone and in a mix, never one target twice at a time', () => {
    const rounds = all({ seed: 4, kills: 10 })
    expect(rounds.some(({ faults }) => faults.length === 1)).toBe(true)
    expect(rounds.some(({ faults }) => faults.length === 3)).toBe(true)
    for (const { faults } of rounds) {
      const names = faults.map(({ fault }) => targetOf(fault))
      expect(new Set(names).size).toBe(names.length)
    }
  })

  it('leaves every other fault where it is when a kind can not be done', () => {
    const whole = faultsOf(all({ seed: 5, kills: 4 })).filter(({ kind }) => kind !== 'link')
    expect(faultsOf(all({ seed: 5, kills: 4, without: new Set(['link']) }))).toEqual(whole)
  })

  it('does faults of one target alone when told so', () => {
    const faults = faultsOf(all({ seed: 6, kills: 6, only: 'aggregator' }))
    expect(new Set(faults.map(targetOf))).toEqual(new Set(['aggregator']))
  })
})

describe('the requests', () => {
  it('are a function of the seed and their number', () => {
    expect(plannedRequest(9, 42)).toEqual(plannedRequest(9, 42))
    expect(Array.from({ length: 50 }, (_, n) => plannedRequest(9, n).life)).not.toEqual(
      Array.from({ length: 50 }, (_, n) => plannedRequest(10, n).life),
    )
  })

  it('ask for everybody at most once, and for no twin', () => {
    const customers = Array.from({ length: 4_000 }, (_, n) => customerOf(n))
    expect(new Set(customers).size).toBe(customers.length)
    expect(customers.some(isTwin)).toBe(false)
    expect(Math.max(...customers)).toBeLessThan(5_010)
  })

  it('come in every life, and by message too', () => {
    const planned = Array.from({ length: 400 }, (_, n) => plannedRequest(1, n))
    expect(new Set(planned.map(({ life }) => life)).size).toBe(7)
    expect(planned.some(({ via }) => via === 'intake')).toBe(true)
  })
})
