import { describe, expect, test } from 'vitest'
import { defaultPolicy } from './policy.js'
import { proceed } from './proceed.js'
import { DAY, shopPlan } from './testing/fixtures.js'
import { Story } from './testing/story.js'

const reseal = (...systemIds: string[]) => ({ type: 'Reseal', epoch: 'epoch-2', systemIds }) as const

describe('sealing anew', () => {
  test('writes the tombstone of each named system again, one higher and under the new epoch', () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial')
    expect(story.tell(reseal('cache', 'pg'))).toEqual(['TombstoneWritten'])
    expect(story.last('TombstoneWritten')).toMatchObject({
      systemId: 'cache',
      sequence: 2,
      epoch: 'epoch-2',
      tombstoneId: 'tombstone of cache',
    })
  })

  test('told twice writes nothing more', () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial')
    story.tell(reseal('cache'))
    expect(story.tell(reseal('cache'))).toEqual([])
  })

  test('leaves an expired tombstone and other systems alone', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    story.probe('pg/probe-1')
    expect(story.tell(reseal('cache'))).toEqual([])
    story.later(400 * DAY)
    expect(story.tell(reseal('pg'))).toEqual([])
  })
})

test('where keys are tracked, dates alone make nothing backup-clear: the last epoch must be destroyed', () => {
  const story = Story.planned()
  story.erase('pg#1/initial')
  story.probe('pg/probe-1')
  story.tell(reseal('pg'))
  const at = story.now + 400 * DAY
  const types = (destroyedEpochs: string[]) =>
    proceed(story.given, at, { ...defaultPolicy, destroyedEpochs }).map(({ type }) => type)
  expect(types([])).toEqual([])
  expect(types(['epoch-1'])).toEqual([])
  expect(types(['epoch-1', 'epoch-2'])).toEqual(['RequestBackupClear'])
})

test('told that every key is destroyed, a request is backup-clear once its last backup has expired, not before', () => {
  const story = Story.planned(undefined, {}, { destroyedEpochs: [] })
  const shredded = { type: 'ConfirmShredded' } as const
  story.erase('pg#1/initial')
  expect(story.code(shredded)).toBe('illegal_transition')
  story.probe('pg/probe-1')
  expect(story.code(shredded)).toBe('illegal_transition')
  expect(story.later(400 * DAY)).toEqual([])
  story.tell({ type: 'Hold', holdId: 'h', by: 'officer', reasonRef: null })
  expect(story.code(shredded)).toBe('illegal_transition')
  story.tell({ type: 'Release', holdId: 'h', by: 'officer' })
  expect(story.tell(shredded)).toEqual(['RequestBackupClear', 'TombstoneCollected'])
  expect(story.tell(shredded)).toEqual([])
})
