import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly authorization: string
  readonly body: unknown
}

/** In the place of the request service: it writes down what it was sent and answers what it is told to. A fake. */
export class RequestStandIn {
  readonly received: Received[] = []
  answer: { status: number; body: unknown } = { status: 200, body: null }
  /** Decides instead of `answer` where it is set. */
  answerTo: ((received: Received) => { status: number; body: unknown }) | null = null

  private constructor(private readonly server: Server) {}

  static async start(): Promise<RequestStandIn> {
    const server = createServer()
    const standIn = new RequestStandIn(server)
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const received = {
        path: request.url ?? '',
        authorization: request.headers.authorization ?? '',
        body: chunks.length === 0 ? null : JSON.parse(Buffer.concat(chunks).toString('utf8')),
      }
      standIn.received.push(received)
      const { status, body } = standIn.answerTo?.(received) ?? standIn.answer
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return standIn
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }
}
