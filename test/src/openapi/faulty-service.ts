import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FaultyService {
  readonly url: string
  close(): Promise<void>
}

/** What is wrong with the answer of a path, in the place of the true one. */
type Faults = Readonly<Record<string, (asked: IncomingMessage, answer: ServerResponse) => void>>

const says = (answer: ServerResponse, status: number, type: string, body: string) =>
  answer.writeHead(status, { 'content-type': type }).end(body)
const emptyPage = JSON.stringify({ items: [], nextCursor: null })

/** One mistake each of the kinds that a service may make about its own document. */
export const faults: Faults = {
  '/v1/verification': (_asked, answer) =>
    says(answer, 500, 'application/problem+json', JSON.stringify({ type: 'x', title: 'x', status: 500 })),
  '/v1/intake-key': (_asked, answer) => says(answer, 200, 'text/plain', 'a key'),
  '/v1/erasure-requests': (_asked, answer) =>
    says(answer, 200, 'application/json', JSON.stringify({ items: 'none', nextCursor: null })),
  // Lets everybody in, and takes every method.
  '/v1/map-check': (_asked, answer) => says(answer, 202, 'application/json', emptyPage),
}

/** The same of the restore service. */
export const restoreFaults: Faults = {
  '/v1/restores': (_asked, answer) =>
    says(answer, 500, 'application/problem+json', JSON.stringify({ type: 'x', title: 'x', status: 500 })),
  '/v1/sweeps': (_asked, answer) => says(answer, 200, 'application/json', JSON.stringify({ sweeps: 'none' })),
  '/v1/self': (_asked, answer) => says(answer, 202, 'application/json', emptyPage),
}

/** Takes a request and then knows nothing of it. */
export const forgetful: Faults = {
  '/v1/erasure-requests/{id}': (_asked, answer) =>
    says(
      answer,
      404,
      'application/problem+json',
      JSON.stringify({ type: 'not_found', title: 'Nothing here.', status: 404, code: 'not_found' }),
    ),
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/

/** A service with a mistake for some of its paths; all others are the real one's. */
export async function faultyService(real: string, wrong: Faults): Promise<FaultyService> {
  const { hostname, port } = new URL(real)
  const server = createServer((asked, answer) => {
    const [path = ''] = (asked.url ?? '').split('?', 1)
    const fault = wrong[path.replace(UUID, '{id}')]
    if (fault) {
      asked.resume()
      fault(asked, answer)
      return
    }
    const { method, url, headers } = asked
    const onward = request({ hostname, port, method, path: url, headers }, (came) => {
      answer.writeHead(came.statusCode ?? 502, came.headers)
      came.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    asked.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections()
        server.close((error) => (error ? reject(error) : resolve()))
      }),
  }
}
