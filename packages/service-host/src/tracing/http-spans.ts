import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { pastSpan } from './traces.js'

const REQUEST = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * A span per HTTP call, made when it is answered: only then it is known which request a call created. The route
 * is told as it was declared, never the address as it was called. A caller's own trace context is not taken
 * over: it is text of a stranger's choosing.
 */
export function addHttpSpans(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance()
  fastify.addHook('onResponse', async (request, reply) => {
    const endedAt = Date.now()
    const route = request.routeOptions?.url
    const requestId = requestOf(request.params, reply.getHeader('location'))
    const { statusCode, elapsedTime } = reply
    pastSpan('http.call', requestId === null ? null : { requestId }, {
      startedAt: endedAt - Math.round(elapsedTime),
      endedAt,
      attributes: {
        'http.request.method': request.method,
        'http.route': route,
        'http.response.status_code': statusCode,
        ...(statusCode >= 500 ? { 'error.type': `http_${statusCode}` } : {}),
      },
    })
  })
}

/** The request a call was about, when its route says so, or the one it created. */
function requestOf(params: unknown, location: unknown): string | null {
  const id = typeof params === 'object' && params !== null && 'id' in params ? params.id : undefined
  for (const text of [id, location])
    if (typeof text === 'string') {
      const found = REQUEST.exec(text)?.[0]
      if (found !== undefined) return found
    }
  return null
}
