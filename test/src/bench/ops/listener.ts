import { request } from 'node:http'

/** One open console, as far as the service is concerned: a reader of the live stream. */
export class Listener {
  private readonly abort = new AbortController()

  /** @param hear called with every change, and the moment its last byte was read, epoch milliseconds */
  static open(
    url: string,
    token: string,
    hear: (change: { requestId: string; type: string; version: number }, at: number) => void = () => {},
  ): Promise<Listener> {
    const listener = new Listener()
    return new Promise((resolve, reject) => {
      const call = request(
        new URL('/v1/stream', url),
        { headers: { authorization: `Bearer ${token}` }, agent: false, signal: listener.abort.signal },
        (answer) => {
          if (answer.statusCode !== 200)
            return reject(new Error(`the stream was answered ${answer.statusCode}`))
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            const at = performance.timeOrigin + performance.now()
            text += chunk
            const blocks = text.split('\n\n')
            text = blocks.pop() ?? ''
            for (const block of blocks) {
              if (/^event: hello$/m.test(block)) resolve(listener)
              if (!/^event: request$/m.test(block)) continue
              hear(JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '{}'), at)
            }
          })
          answer.on('error', () => {})
        },
      )
      call.on('error', (error) => (listener.abort.signal.aborted ? undefined : reject(error)))
      call.end()
    })
  }

  close(): void {
    this.abort.abort()
  }
}
