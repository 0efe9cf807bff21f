import { describe, expect, test } from 'vitest'
import { defaultPolicy } from './policy.js'
import { selectsByEverything } from './selection.js'
import { shopPlan } from './testing/fixtures.js'
import { Story } from './testing/story.js'

const asks = (story: Story, passId: string): boolean => selectsByEverything(story.given, passId, story.now)

describe('a pass selects by every identifier', () => {
  test('when it is the first of its step, and when it repeats one that came to nothing', () => {
    const story = Story.planned()
    expect(asks(story, 'pg#1/initial')).toBe(true)
    story.fail('pg#1/initial')
    story.later(60_000)
    expect(story.passIds()).toContain('pg#1/retry-1')
    expect(asks(story, 'pg#1/retry-1')).toBe(true)
  })

  test('each step for itself: another that is done takes nothing from it', () => {
    const story = Story.planned(shopPlan())
    story.erase('cache#1/initial')
    expect(asks(story, 'pg#1/initial')).toBe(true)
  })

  test('no more once the step was done: who is found by e-mail then may have signed up again', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    story.later(0)
    story.probe('pg/probe-1', 'residual')
    expect(story.passIds()).toContain('pg#1/retry-1')
    expect(asks(story, 'pg#1/retry-1')).toBe(false)
  })

  test('no more once the step was taken up again for a reason of its own', () => {
    const story = Story.planned()
    const until = story.now + 3_600_000
    const part = { category: 'orders', ground: '17(3)(b)', citation: 'tax law', until }
    story.erase('pg#1/initial', { outcome: 'retained', retained: [part] })
    story.later(0)
    story.probe('pg/probe-1')
    story.later(3_600_000)
    expect(story.passIds()).toContain('pg#1/resume-1')
    expect(asks(story, 'pg#1/resume-1')).toBe(false)
  })

  test('no more when the first grant of the request is too long ago', () => {
    const story = Story.planned()
    story.fail('pg#1/initial', { errorClass: 'terminal' })
    story.now += defaultPolicy.everyIdentifierMs
    story.tell({ type: 'RetrySystem', systemId: 'pg', by: 'op' })
    expect(asks(story, 'pg#1/retry-1')).toBe(true)
    story.now += 1
    expect(asks(story, 'pg#1/retry-1')).toBe(false)
  })

  test('however long the grace period was: the age counts from the first grant', () => {
    const story = Story.planned(shopPlan(), { graceUntil: Date.UTC(2026, 3, 3) })
    story.later(70 * 86_400_000)
    expect(asks(story, 'cache#1/initial')).toBe(true)
  })

  test('never when it was not requested', () => {
    expect(asks(Story.planned(), 'pg#1/restore-17')).toBe(false)
  })
})
