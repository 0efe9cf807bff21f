import { describe, expect, test } from 'vitest'
import type { RequestCommand } from './commands.js'
import { Story } from './testing/story.js'

const lost = (passId: string, grantId: string | null = `grant of ${passId}`): RequestCommand => ({
  type: 'ReportDeadLetter',
  systemId: 'pg',
  passId,
  grantId,
})

describe('a report that was put into the dead letters', () => {
  test('shows the request as failed at once, with an owner and a next step, and once', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    expect(story.tell(lost('pg#1/initial'))).toEqual(['RequestFailed'])
    expect(story.status).toBe('FAILED')
    expect(story.last('RequestFailed')).toMatchObject({
      code: 'report_dead_lettered',
      systemId: 'pg',
      owner: 'operator',
      nextStep: 'redrive_dead_letter',
    })
    expect(story.tell(lost('pg#1/initial'))).toEqual([])
  })

  test('is forgotten when the report is folded after all', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    story.tell(lost('pg#1/initial'))
    expect(story.acknowledge('pg#1/initial')).toEqual(['PassAcknowledged', 'ProbeRequested'])
    expect(story.status).toBe('AWAITING_VERIFICATION')
  })

  test('does not keep the command from being repeated, nor hides that nobody answers', () => {
    const story = Story.planned()
    story.tell(story.grantCommand('pg#1/initial'))
    story.tell(lost('pg#1/initial'))
    expect(story.later(70_000)).toEqual(['PassRequested'])
    expect(story.status).toBe('FAILED')
  })

  test('changes nothing once the pass was answered, nor after the request has ended', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    expect(story.tell(lost('pg#1/initial'))).toEqual([])
    story.probe('pg/probe-1')
    expect(story.status).toBe('COMPLETED')
    expect(story.tell(lost('pg#1/initial'))).toEqual([])
    expect(story.tell(lost('pg/probe-1', null))).toEqual([])
  })

  test('of a probe is shown until a probe answers', () => {
    const story = Story.planned()
    story.erase('pg#1/initial')
    expect(story.tell(lost('pg/probe-1', null))).toEqual(['RequestFailed'])
    expect(story.status).toBe('FAILED')
    story.probe('pg/probe-1')
    expect(story.status).toBe('COMPLETED')
  })

  test('changes nothing without a grant of its pass, or for a pass of another system', () => {
    const story = Story.planned()
    story.grant('pg#1/initial')
    expect(story.code(lost('pg#1/initial', 'a grant nobody issued'))).toBe('grant_invalid')
    expect(story.code(lost('pg#1/initial', null))).toBe('grant_invalid')
    expect(story.code(lost('pg#1/retry-9'))).toBe('not_found')
    const other = { ...lost('pg#1/initial'), systemId: 'cache' } as RequestCommand
    expect(story.code(other)).toBe('not_found')
    expect(story.status).toBe('IN_PROGRESS')
  })
})
