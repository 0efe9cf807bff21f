import type { ServerResponse } from 'node:http'

/** One connection of server-sent events. Text that is written waits for who reads slowly; nothing is piled up. */
export class EventStream {
  readonly closed: AbortSignal

  constructor(private readonly response: ServerResponse) {
    const controller = new AbortController()
    this.closed = controller.signal
    response.once('close', () => controller.abort(new Error('the reader has gone')))
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    // How long a browser waits before it comes back.
    response.write('retry: 1000\n\n')
  }

  /** `id` is what comes back as Last-Event-ID; an event without one does not move it. */
  async send(event: string, data: unknown, id?: string): Promise<void> {
    await this.write(
      `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    )
  }

  /** Keeps proxies from taking silence for the end. */
  async beat(): Promise<void> {
    await this.write(': still here\n\n')
  }

  end(): void {
    this.response.end()
  }

  private async write(text: string): Promise<void> {
    this.closed.throwIfAborted()
    if (this.response.write(text)) return
    await new Promise<void>((resolve, reject) => {
      const gone = () => reject(this.closed.reason)
      this.closed.addEventListener('abort', gone, { once: true })
      this.response.once('drain', () => {
        this.closed.removeEventListener('abort', gone)
        resolve()
      })
    })
  }
}
