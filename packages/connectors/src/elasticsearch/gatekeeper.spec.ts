import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'

/** Asks for a user's name and password before a server that has no users, and lets the reader only read. */
export interface Gatekeeper {
  readonly port: number
  readonly users: Readonly<Record<'eraser' | 'probe', string>>
  /** What was asked for so far, as `METHOD path?query`: nothing of a person may be in it. */
  readonly asked: string[]
  /** Runs before each call is handed on, so that a spec can change the store in between. */
  before: (line: string) => Promise<void>
  /** Set by a spec to hand on another answer, and `status` if it is an error's; null hands on the store's own. */
  instead: ((line: string, answer: Record<string, unknown>) => Promise<unknown>) | null
  close(): Promise<void>
}

const READING =
  /^(GET \/|POST \/[^/]+\/(_search|_refresh|_pit|_mget)|POST \/[^/]+\/_search\/point_in_time|POST \/_search|DELETE \/(_pit|_search\/point_in_time))/

export async function openGatekeeper(target: number): Promise<Gatekeeper> {
  const users = { eraser: randomBytes(9).toString('hex'), probe: randomBytes(9).toString('hex') }
  const asked: string[] = []
  const gate: Pick<Gatekeeper, 'before' | 'instead'> = { before: async () => undefined, instead: null }
  const server = createServer(async (incoming, outgoing) => {
    const refuse = (status: number, type: string) => {
      incoming.resume()
      outgoing.writeHead(status, { 'content-type': 'application/json' })
      outgoing.end(JSON.stringify({ error: { type, reason: 'by the gatekeeper' }, status }))
    }
    const given = Buffer.from(
      (incoming.headers.authorization ?? '').replace('Basic ', ''),
      'base64',
    ).toString()
    const user = Object.entries(users).find(([name, secret]) => given === `${name}:${secret}`)?.[0]
    const line = `${incoming.method} ${incoming.url}`
    if (!user) return refuse(401, 'security_exception')
    asked.push(line)
    if (user === 'probe' && !READING.test(line)) return refuse(403, 'security_exception')
    await gate.before(line)
    const { authorization: _, ...headers } = incoming.headers
    const onward = request(
      {
        host: '127.0.0.1',
        port: target,
        method: incoming.method ?? 'GET',
        path: incoming.url ?? '/',
        headers,
      },
      async (answer) => {
        if (gate.instead) {
          const text = await readText(answer)
          const said = JSON.parse(text || '{}') as Record<string, unknown>
          const other = (await gate.instead(line, said)) ?? said
          const { 'content-length': _length, 'transfer-encoding': _chunked, ...kept } = answer.headers
          const { status } = other as { status?: unknown }
          const refused = typeof status === 'number' && status >= 400
          outgoing.writeHead(refused ? status : (answer.statusCode ?? 502), kept)
          outgoing.end(incoming.method === 'HEAD' ? '' : JSON.stringify(other))
          return
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(gate, {
    port: (server.address() as AddressInfo).port,
    users,
    asked,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}
