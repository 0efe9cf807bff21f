import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedSpan {
  readonly name: string
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
}

interface WireAttribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}
interface WireSpan extends Omit<ReceivedSpan, 'attributes' | 'links' | 'service'> {
  readonly attributes?: readonly WireAttribute[]
  readonly links?: ReceivedSpan['links']
}
interface WireBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly WireAttribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[]
  }[]
}

/** An OTLP endpoint that keeps what it is sent: the spans, and every byte of every call for a search. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = []
  readonly bodies: Buffer[] = []

  private constructor(private readonly server: Server) {}

  static async start(): Promise<OtlpReceiver> {
    const server = createServer()
    const receiver = new OtlpReceiver(server)
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [Buffer.from(`${request.url} ${JSON.stringify(request.headers)}\n`)]
      for await (const chunk of request) chunks.push(chunk as Buffer)
      receiver.take(chunks)
      response.setHeader('content-type', 'application/json')
      response.end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** From here on calls are refused. */
  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  traceOf(requestId: string): ReceivedSpan[] {
    return this.spans.filter(({ traceId }) => traceId === requestId.replaceAll('-', ''))
  }

  private take(chunks: readonly Buffer[]): void {
    this.bodies.push(Buffer.concat(chunks))
    const body = JSON.parse(Buffer.concat(chunks.slice(1)).toString()) as WireBody
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name'])
      for (const { spans } of scopeSpans)
        for (const span of spans)
          this.spans.push({
            ...span,
            service,
            attributes: valuesOf(span.attributes),
            links: span.links ?? [],
          })
    }
  }
}

const valuesOf = (attributes: readonly WireAttribute[] = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** Spans whose parent was never exported; a connected trace has one, its root. */
export function loose(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  const known = new Set(spans.map(({ spanId }) => spanId))
  return spans.filter(({ parentSpanId }) => !parentSpanId || !known.has(parentSpanId))
}
