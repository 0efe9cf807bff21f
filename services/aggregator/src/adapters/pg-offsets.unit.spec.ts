import { OffsetsMovedError } from '@lethe/messaging'
import { OffsetConflict } from '@lethe/request-log'
import { PausedError, TerminalError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { moved } from './pg-offsets.js'

describe('what folding a batch throws', () => {
  it('is a reason to wait while the database is away, so that no acknowledgement becomes a dead letter', () => {
    for (const error of [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      Object.assign(new Error('the database system is shutting down'), { code: '57P03' }),
      new Error('Connection terminated unexpectedly'),
    ])
      expect(moved(error)).toBeInstanceOf(PausedError)
  })

  it('is a reason to read the offsets again after another process was first', () =>
    expect(moved(new OffsetConflict('erasure.acknowledged', 0, 7))).toBeInstanceOf(OffsetsMovedError))

  it('stays what it is when the message itself is bad', () => {
    const error = new TerminalError('grant_invalid', 'not of this grant')
    expect(moved(error)).toBe(error)
  })
})
