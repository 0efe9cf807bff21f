import { describe, expect, it } from 'vitest'
import { freshness, STALE_AFTER_MS } from './freshness.js'

describe('the mark live or stale', () => {
  it('is live only while the service is heard', () => {
    expect(freshness({ transport: 'stream', at: 1_000 }, 2_000)).toEqual({ kind: 'live' })
    expect(freshness({ transport: 'polling', at: 1_000 }, 2_000)).toEqual({ kind: 'polling' })
  })

  it('is stale since it was last heard, also over a connection that is open and silent', () => {
    const now = 1_000 + STALE_AFTER_MS + 1
    expect(freshness({ transport: 'stream', at: 1_000 }, now)).toEqual({ kind: 'stale', since: 1_000 })
    expect(freshness({ transport: 'broken', at: 1_000 }, 1_001)).toEqual({ kind: 'stale', since: 1_000 })
    expect(freshness({ transport: 'broken', at: null }, 1)).toEqual({ kind: 'stale', since: null })
  })

  it('does not call live what was never heard', () => {
    expect(freshness({ transport: 'connecting', at: null }, 1)).toEqual({ kind: 'connecting' })
  })
})
