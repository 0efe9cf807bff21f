import { describe, expect, it } from 'vitest'
import { EventParser } from './sse.js'

const text =
  'retry: 1000\n\nid: 7.1\nevent: request\ndata: {"a":1}\n\n: still here\n\nevent: lag\r\ndata: one\r\ndata: two\r\n\r\n'
const events = [
  { event: 'request', data: '{"a":1}', id: '7.1' },
  { event: 'lag', data: 'one\ntwo', id: undefined },
]

describe('the parser of server-sent events', () => {
  it('gives the events and none for a comment', () => {
    expect(new EventParser().push(text)).toEqual(events)
  })

  it('gives the same wherever the pieces end', () => {
    for (let at = 0; at <= text.length; at++) {
      const parser = new EventParser()
      expect([...parser.push(text.slice(0, at)), ...parser.push(text.slice(at))], `cut at ${at}`).toEqual(
        events,
      )
    }
  })

  it('keeps an event that is not complete, and names one without a name a message', () => {
    const parser = new EventParser()
    expect(parser.push('data: x\n')).toEqual([])
    expect(parser.push('\n')).toEqual([{ event: 'message', data: 'x', id: undefined }])
  })
})
