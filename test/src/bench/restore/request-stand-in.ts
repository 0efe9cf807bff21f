import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { personOf, placeOf, requestIdOf, tombstoneIdOf } from './people.js'

export const SYSTEM = 'shop-pg'
export const ELEMENTS = [{ table: 'customers', by: 'id', method: 'delete' }]
const section = {
  version: 1,
  tenant: { none: true },
  canonical: 'user_id',
  system: {
    systemId: SYSTEM,
    kind: 'postgres',
    connection: 'SHOP_PG',
    ceiling: null,
    body: { elements: ELEMENTS },
  },
}

/**
 * `request` as far as the restore service asks it: its section of the data map, and tombstones with identifiers. It
 * unseals nothing and reads no database, so what is measured is the restore service and the store.
 */
export class RequestStandIn {
  tombstones = 0
  rows = 1

  private constructor(private readonly server: Server) {}

  static async start(): Promise<RequestStandIn> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        response.setHeader('content-type', 'application/json')
        response.end(standIn.answer(request.url ?? '', Buffer.concat(parts).toString()))
      })
    })
    const standIn = new RequestStandIn(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return standIn
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.server.closeAllConnections()
    this.server.close()
  }

  private answer(path: string, body: string): string {
    if (path.startsWith('/v1/data-maps/')) return JSON.stringify(section)
    const { after, limit } = JSON.parse(body) as { after: string; limit: number }
    const from = placeOf(after) + 1
    const to = Math.min(this.tombstones, from + limit)
    const tombstones: string[] = []
    for (let n = from; n < to; n++) tombstones.push(this.tombstone(n))
    return `{"validUntil":${Date.now() + 60_000},"tombstones":[${tombstones.join(',')}]}`
  }

  private tombstone(n: number): string {
    return `{"tombstoneId":"${tombstoneIdOf(n)}","requestId":"${requestIdOf(n)}","mapVersion":1,"effectiveAt":1,"expiresAt":9000000000000,"held":false,"ceilingWaived":false,"subject":{"subjectRef":"${requestIdOf(n)}","tenantId":"shop","receivedAt":1700000000000,"identifiers":[{"type":"user_id","value":"${personOf(n, this.rows)}"}]}}`
  }
}
