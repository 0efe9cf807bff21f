import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deriveMacKey } from '@lethe/schemas'
import type { Subject } from './connector.js'
import type { ClearanceAnswer, ClearanceQuestion } from './request-client.js'

const SECRET = 'the grant secret of the stand-in'

/** Speaks `request`'s part of the conversation with erasers, over real HTTP. */
export class RequestStandIn {
  /** By requestId; who is unknown gets `never`. */
  readonly subjects = new Map<string, Subject>()
  readonly asked: ClearanceQuestion[] = []
  /** Set to answer with this HTTP status instead. */
  status = 200
  /** Questions answered with another status than 200. */
  turnedAway = 0
  grantMs = 10_000
  section: object = {}
  /** When the oldest live tombstone took effect. */
  oldest: number | null = null
  private constructor(private readonly server: Server) {}

  static async open(token: string): Promise<RequestStandIn> {
    const server = createServer()
    const standIn = new RequestStandIn(server)
    server.on('request', async (request, response) => {
      const allowed = request.headers.authorization === `Bearer ${token}`
      const aside = standIn.aside(request.url)
      if (standIn.status !== 200 && aside === null) standIn.turnedAway += 1
      const answer = aside
        ? aside
        : request.method === 'POST'
          ? standIn.clear(await bodyOf(request))
          : standIn.section
      response.writeHead(allowed ? standIn.status : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify(allowed && standIn.status === 200 ? answer : {}))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return standIn
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }

  ackKey(ack: {
    requestId: string
    systemId: string
    passId: string
    attempt: number
    grantId: string
  }): Buffer {
    const { requestId, systemId, passId, attempt, grantId } = ack
    return deriveMacKey(SECRET, { purpose: 'ack', requestId, systemId, passId, attempt, grantId })
  }

  probeKey({ requestId, systemId, passId }: { requestId: string; systemId: string; passId: string }): Buffer {
    return deriveMacKey(SECRET, { purpose: 'probe', requestId, systemId, passId })
  }

  /** What has nothing to do with a pass. */
  private aside(url: string | undefined): object | null {
    if (url === '/v1/beats') return { heard: true }
    return url === '/v1/tombstones/oldest' ? { oldest: this.oldest } : null
  }

  private clear(question: ClearanceQuestion): { results: ClearanceAnswer[] } {
    if (this.status === 200) this.asked.push(question)
    const { systemId, purpose } = question
    return {
      results: question.passes.map(({ requestId, passId, attempt }): ClearanceAnswer => {
        const subject = this.subjects.get(requestId)
        if (!subject) return { requestId, passId, decision: 'never', code: 'not_found' }
        const go = {
          requestId,
          passId,
          decision: 'go',
          subject,
          mapVersion: 1,
          ceilingWaived: false,
        } as const
        if (purpose === 'probe')
          return { ...go, macKey: this.probeKey({ requestId, systemId, passId }).toString('base64url') }
        const grantId = randomUUID()
        const macKey = this.ackKey({ requestId, systemId, passId, attempt, grantId }).toString('base64url')
        return { ...go, grant: { grantId, expiresAt: Date.now() + this.grantMs, macKey } }
      }),
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<ClearanceQuestion> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as ClearanceQuestion
}
