import { describe, expect, it } from 'vitest'
import { type Fault, instancesOf, killsOf, poisonedTopics, targetOf, targets } from './faults.js'
import { customerOf, isTwin, plannedRequest } from './requests.js'
import { killCounts, needsOf, type ScheduleOptions, schedule } from './schedule.js'

const all = (options: ScheduleOptions): Fault[] => [...schedule(options)].map(({ fault }) => fault)

describe('the schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    const once = [...schedule({ seed: 7, needs: needsOf(5) })]
    expect([...schedule({ seed: 7, needs: needsOf(5) })]).toEqual(once)
    expect([...schedule({ seed: 8, needs: needsOf(5) })]).not.toEqual(once)
  })

  it('kills every service and every server as often as asked for, and every instance of it', () => {
    const faults = all({ seed: 1, needs: needsOf(30) })
    expect(killCounts(faults)).toEqual(new Map(targets.map((target) => [target, 30])))
    for (const target of targets) {
      const kills = faults.flatMap(killsOf).filter((kill) => kill.target === target)
      expect(new Set(kills.map(({ instance }) => instance)).size).toBe(instancesOf(target))
    }
  })

  it('kills only what is still short, each as often as it is', () => {
    const faults = all({ seed: 2, needs: { kafka: 3, ops: 1 } })
    expect(killCounts(faults)).toEqual(
      new Map([
        ['kafka', 3],
        ['ops', 1],
      ]),
    )
    expect(all({ seed: 2, needs: {} })).toEqual([])
  })

  it('kills some two at the same moment, never one twice', () => {
    const pairs = all({ seed: 3, needs: needsOf(30) }).filter((fault) => fault.kind === 'pair')
    expect(pairs.length).toBeGreaterThan(50)
    for (const { kills } of pairs) expect(kills[0].target).not.toBe(kills[1].target)
  })

  it('kills every server, does every kind of fault and poisons every topic', () => {
    const planned = schedule({ seed: 3 })
    const faults = Array.from({ length: 400 }, () => (planned.next().value as { fault: Fault }).fault)
    expect(new Set(killCounts(faults).keys())).toEqual(new Set(targets))
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(
      new Set(['kill', 'pair', 'stop', 'rebalance', 'link', 'slot', 'disk', 'clock', 'poison']),
    )
    const stopped = faults.flatMap((fault) => (fault.kind === 'stop' ? [fault.target] : []))
    expect(new Set(stopped)).toEqual(new Set(targets))
    const poisoned = faults.flatMap((fault) => (fault.kind === 'poison' ? [fault.topic] : []))
    expect(new Set(poisoned)).toEqual(new Set(poisonedTopics))
  })

  it('leaves every other fault where it is when a kind can not be done', () => {
    const whole = all({ seed: 5, needs: needsOf(4) }).filter(({ kind }) => kind !== 'link')
    expect(all({ seed: 5, needs: needsOf(4), without: new Set(['link']) })).toEqual(whole)
  })

  it('does faults of one target alone when told so, and all of its kills', () => {
    const faults = all({ seed: 6, needs: needsOf(6), only: 'aggregator' })
    expect(new Set(faults.map(targetOf))).toEqual(new Set(['aggregator']))
    expect(killCounts(faults).get('aggregator')).toBe(6)
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
