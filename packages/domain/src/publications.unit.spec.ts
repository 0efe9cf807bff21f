import { describe, expect, test } from 'vitest'
import { fold } from './evolve.js'
import { publications } from './publications.js'
import type { RequestEvent } from './request-state.js'
import { plan, shopPlan, step, system } from './testing/fixtures.js'
import { Story } from './testing/story.js'

const published = (events: RequestEvent[], before: RequestEvent[] = []) => {
  const state = fold(before)
  const after = fold(events, state)
  if (after === null) throw new Error('no events')
  return publications(state, events, after)
}

describe('what is published', () => {
  test('is one message for all passes that become runnable together, naming their systems', () => {
    const both = plan({ steps: [step('a#1'), step('b#1')], systems: [system('a'), system('b')] })
    const [accepted, command, ...rest] = published(Story.planned(both).log)
    expect(rest).toEqual([])
    expect(accepted).toMatchObject({
      topic: 'erasure.status',
      value: { status: 'accepted', requestStatus: 'PENDING' },
    })
    expect(command).toMatchObject({
      topic: 'erasure.requested',
      key: 'subject-1',
      type: 'ErasureRequested',
      headers: { systems: ',a,b,' },
      value: {
        mapVersion: 7,
        passes: [
          { systemId: 'a', stepId: 'a#1', passId: 'a#1/initial', attempt: 1 },
          { systemId: 'b', stepId: 'b#1', passId: 'b#1/initial', attempt: 1 },
        ],
      },
    })
  })

  test('is every milestone in order, with the status the request had then', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    story.tell({ type: 'Hold', holdId: 'h', by: 'ada', reasonRef: null })
    story.tell({ type: 'Release', holdId: 'h', by: 'ada' })
    story.probe('pg/probe-1')
    const statuses = published(story.log).flatMap((publication) =>
      publication.type === 'ErasureStatusChanged'
        ? [`${publication.value.status} ${publication.value.requestStatus}`]
        : [],
    )
    expect(statuses).toEqual([
      'accepted PENDING',
      'held ON_HOLD',
      'released AWAITING_VERIFICATION',
      'live_erased AWAITING_VERIFICATION',
      'completed COMPLETED',
    ])
  })

  test('is a probe for each system that settled', () => {
    const story = Story.planned(shopPlan())
    for (const passId of ['cache#1/initial', 'pg#1/initial', 'cache#2/initial']) story.erase(passId)
    const before = story.log.slice()
    story.later(5_000)
    expect(published(story.log.slice(before.length), before)).toMatchObject([
      {
        topic: 'erasure.probe.requested',
        headers: { systems: ',cache,' },
        value: { probes: [{ passId: 'cache/probe-1' }] },
      },
    ])
  })

  test('is nothing when nothing of the kind happened', () => {
    const story = Story.planned()
    const before = story.log.slice()
    story.grant('pg#1/initial')
    expect(published(story.log.slice(before.length), before)).toEqual([])
  })
})
