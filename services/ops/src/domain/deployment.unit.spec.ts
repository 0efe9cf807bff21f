import { describe, expect, it } from 'vitest'
import type { Beat } from '../adapters/pg-beats.js'
import { deploymentOf as deployment, type Sources } from './deployment.js'

const NOW = 1_000_000
const deploymentOf = (
  own: Sources['own'],
  health: string,
  now: number,
  canary: Sources['canary'] = 'no_canary_yet',
) => deployment({ own, health, canary }, now)
const beat = (more: Partial<Beat> = {}): Beat => ({
  systemId: 'cache',
  role: 'erase',
  at: NOW - 5_000,
  startedAt: 0,
  version: '1.0.0',
  store: 'ok',
  windowMs: 60_000,
  done: 27,
  failed: 3,
  pacing: { size: 50, max: 100, perSecond: null, waitsMs: 0 },
  ...more,
})

describe('a deployment of an eraser', () => {
  it('that speaks and has its group is up, with version, pace and errors of all its processes', () => {
    const two = [beat(), beat({ version: '1.1.0', done: 10, failed: 0, windowMs: 30_000 })]
    expect(deploymentOf(two, 'up', NOW)).toEqual({
      verdict: 'up',
      versions: ['1.0.0', '1.1.0'],
      beatAt: NOW - 5_000,
      store: 'ok',
      perMinute: 50,
      errorRate: 3 / 40,
      pacing: { size: 50, max: 100, perSecond: null, waitsMs: 0 },
      canary: null,
      unknown: { canary: 'no_canary_yet' },
    })
  })

  it('that nobody ever spoke for is missing, and one that spoke before is silent; what it did is unknown', () => {
    const missing = deploymentOf([], 'silent', NOW)
    expect(missing).toMatchObject({ verdict: 'missing', perMinute: null, errorRate: null, store: null })
    expect(missing.unknown).toMatchObject({ beatAt: 'never_spoke', perMinute: 'never_spoke' })
    const silent = deploymentOf([beat({ at: NOW - 60_000 })], 'silent', NOW)
    expect(silent).toMatchObject({ verdict: 'silent', beatAt: NOW - 60_000, perMinute: null })
    expect(silent.unknown).toMatchObject({ perMinute: 'silent_since' })
  })

  it('that can not use its store is unusable, whatever its group says, and one of its processes is enough', () => {
    for (const health of ['up', 'silent', 'unknown'])
      expect(deploymentOf([beat(), beat({ store: 'credentials_missing' })], health, NOW)).toMatchObject({
        verdict: 'unusable',
        store: 'credentials_missing',
      })
  })

  it('is failing when the last made-up person it was given is not erased, whatever it says of itself', () => {
    const failed = { result: 'failed', at: 7, drillId: 'drill-1', why: 'not_found' } as const
    for (const health of ['up', 'rebalancing', 'unknown'])
      expect(deploymentOf([beat()], health, NOW, failed)).toMatchObject({
        verdict: 'failing',
        canary: failed,
      })
    // What keeps it from working at all is said first.
    expect(deploymentOf([beat()], 'silent', NOW, failed).verdict).toBe('silent')
    expect(deploymentOf([beat({ store: 'unreachable' })], 'up', NOW, failed).verdict).toBe('unusable')
    for (const result of ['passed', 'unconfirmed'] as const) {
      const told = deploymentOf([beat()], 'up', NOW, { ...failed, result })
      expect(told).toMatchObject({ verdict: 'up', canary: { result } })
      expect(told.unknown).not.toHaveProperty('canary')
    }
  })

  it('is never called missing or up for want of knowledge', () => {
    expect(deploymentOf(null, 'silent', NOW)).toMatchObject({ verdict: 'silent' })
    expect(deploymentOf(null, 'unknown', NOW)).toMatchObject({
      verdict: 'unknown',
      unknown: { beatAt: 'beats_unreadable' },
    })
    expect(deploymentOf([beat()], 'unknown', NOW)).toMatchObject({ verdict: 'up' })
    expect(deploymentOf([], 'unknown', NOW)).toMatchObject({ verdict: 'unknown' })
  })

  it('that has done nothing has no rate of errors, which is not the rate 0', () => {
    expect(deploymentOf([beat({ done: 0, failed: 0 })], 'up', NOW)).toMatchObject({
      perMinute: 0,
      errorRate: null,
      unknown: { errorRate: 'nothing_done' },
    })
  })
})
