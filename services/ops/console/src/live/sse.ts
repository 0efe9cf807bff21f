export interface ServerEvent {
  readonly event: string
  readonly data: string
  /** What comes back as Last-Event-ID; undefined for an event that does not move it. */
  readonly id: string | undefined
}

/**
 * Takes the text of a stream of server-sent events as it comes, in pieces that end anywhere, and gives the events
 * that are complete. Comments give none. After https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class EventParser {
  private rest = ''
  private event = ''
  private data: string[] = []
  private id: string | undefined

  push(text: string): ServerEvent[] {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    return lines.flatMap((line) => this.line(line.replace(/\r$/, '')))
  }

  private line(line: string): ServerEvent[] {
    if (line === '') return this.complete()
    const at = line.indexOf(':')
    const field = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (field === 'event') this.event = value
    if (field === 'data') this.data.push(value)
    if (field === 'id') this.id = value
    return []
  }

  private complete(): ServerEvent[] {
    const { event, data, id } = this
    this.event = ''
    this.data = []
    this.id = undefined
    return data.length === 0 ? [] : [{ event: event === '' ? 'message' : event, data: data.join('\n'), id }]
  }
}
