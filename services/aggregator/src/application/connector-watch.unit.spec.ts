import { createLogger, metricsRegistry, RetryableError } from '@lethe/service-host'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ConnectorPart, ConnectPort } from '../adapters/connect.js'
import { ConnectorWatch } from './connector-watch.js'

const part = (name: string, state: string): ConnectorPart => ({ name, state, failure: [] })
const all = (...states: string[]) =>
  states.map((state, at) => part(at === 0 ? 'connector' : `task ${at}`, state))
const away = new RetryableError('connect_unreachable', 'Kafka Connect answered with nothing.')

describe('the watch over a connector', () => {
  let answer: ConnectorPart[] | Error | null
  let restarted: number[]
  let refused: Error | null
  let now: number
  let watch: ConnectorWatch

  beforeEach(() => {
    answer = all('RUNNING', 'RUNNING')
    restarted = []
    refused = null
    now = 1_000_000
    const connect: ConnectPort = {
      parts: async () => {
        if (answer instanceof Error) throw answer
        return answer
      },
      restartFailed: async () => {
        if (refused) throw refused
        restarted.push(now)
      },
    }
    const logger = createLogger('spec', { level: 'silent' })
    watch = new ConnectorWatch({ connector: 'spec', connect, logger, now: () => now })
  })

  const shown = async () => {
    const metric = await metricsRegistry.getSingleMetric('lethe_connector_state')?.get()
    return metric?.values.filter(({ value }) => value === 1).map(({ labels }) => labels['state'])
  }
  /** Looks every second for a while, as the service does every few. */
  async function lookFor(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await watch.look()
      now += 1_000
    }
  }

  it.each([
    ['running', all('RUNNING', 'RUNNING')],
    ['failed', all('RUNNING', 'FAILED')],
    ['failed', all('FAILED')],
    ['failed', all('PAUSED', 'FAILED')],
    ['paused', all('PAUSED', 'PAUSED')],
    ['paused', all('STOPPED')],
    ['starting', all('RUNNING')],
    ['starting', all('RUNNING', 'UNASSIGNED')],
    ['starting', all('RUNNING', 'A WORD OF A LATER VERSION')],
    ['missing', null],
    ['unknown', away],
  ] as const)('shows %s', async (state, found) => {
    answer = found as typeof answer
    expect(await watch.look()).toBe(state)
    expect(await shown()).toEqual([state])
  })

  it('restarts what has failed, and nothing else', async () => {
    await lookFor(30)
    for (const found of [null, away, all('PAUSED', 'PAUSED'), all('RUNNING')]) {
      answer = found
      await lookFor(30)
    }
    expect(restarted).toEqual([])
    answer = all('RUNNING', 'FAILED')
    await watch.look()
    expect(restarted).toEqual([now])
  })

  it('restarts at once, then waits twice as long each time, and never gives up', async () => {
    answer = all('RUNNING', 'FAILED')
    await lookFor(300)
    const waits = restarted.map((at, index) => at - (restarted[index - 1] ?? 1_000_000))
    expect(waits.map((ms) => ms / 1_000)).toEqual([0, 5, 10, 20, 40, 60, 60, 60])
  })

  it('takes a failure soon after a restart for the same one, and a later one for a new one', async () => {
    answer = all('RUNNING', 'FAILED')
    await lookFor(36)
    answer = all('RUNNING', 'RUNNING')
    await lookFor(5)
    answer = all('RUNNING', 'FAILED')
    const before = restarted.length
    await lookFor(30)
    expect(restarted).toHaveLength(before)
    answer = all('RUNNING', 'RUNNING')
    await lookFor(62)
    answer = all('RUNNING', 'FAILED')
    await watch.look()
    expect(restarted).toHaveLength(before + 1)
  })

  it('tries again at the next look when Connect did not take the restart', async () => {
    answer = all('RUNNING', 'FAILED')
    refused = away
    await lookFor(3)
    refused = null
    await lookFor(1)
    expect(restarted).toEqual([1_003_000])
  })
})
