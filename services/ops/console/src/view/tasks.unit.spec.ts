import { describe, expect, it } from 'vitest'
import { attestBody, taskWords } from './tasks.js'

const form = (fields: Record<string, string>) => {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.set(name, value)
  return data
}

describe('a task in words', () => {
  it('never looks as good as what a probe saw', () => {
    for (const state of ['waiting', 'open', 'stopped', 'attested'] as const)
      expect(taskWords({ state, taken: null }).tone).not.toBe('good')
    expect(taskWords({ state: 'attested', taken: null }).text).toBe('attested, not probed')
  })

  it('is taken or waits for somebody', () => {
    expect(taskWords({ state: 'open', taken: null }).text).toContain('waits for somebody')
    expect(taskWords({ state: 'open', taken: { by: 'ada', at: 1, until: 2 } }).text).toContain('taken')
  })
})

describe('what is said of a task', () => {
  it('leaves out what was left empty', () => {
    const said = form({ outcome: 'erased', records: '3', reference: ' protocol 12 ', note: '', doneAt: '' })
    expect(attestBody(said)).toEqual({ outcome: 'erased', records: 3, reference: 'protocol 12' })
  })

  it('counts nothing where nothing was there, and takes the time as UTC', () => {
    const said = form({
      outcome: 'not_found',
      records: '3',
      reference: 'r',
      note: 'n',
      doneAt: '2026-03-01T10:30',
    })
    expect(attestBody(said)).toEqual({
      outcome: 'not_found',
      records: 0,
      reference: 'r',
      note: 'n',
      doneAt: Date.UTC(2026, 2, 1, 10, 30),
    })
  })
})
