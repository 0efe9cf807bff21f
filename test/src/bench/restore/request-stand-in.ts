import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { personOf, placeOf, requestIdOf, tombstoneIdOf } from './people.js'

const PEPPER = 'the pepper of the benchmark'
interface Question {
  readonly after: string
  readonly limit: number
  readonly matching?: { readonly digests: readonly string[] }
}

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
  private readonly byDigest = new Map<string, number>()
  private digests: string[] = []

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
    if (path.endsWith('/peppers')) return JSON.stringify({ peppers: [{ version: 'v1', secret: PEPPER }] })
    const { after, limit, matching } = JSON.parse(body) as Question
    if (matching) return this.page(matching.digests.flatMap((digest) => this.byDigest.get(digest) ?? []))
    const from = placeOf(after) + 1
    const to = Math.min(this.tombstones, from + limit)
    return this.page(Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at))
  }

  /** From now on only digests are left of everybody. */
  forget(): void {
    this.digests = Array.from({ length: this.tombstones }, (_, n) => this.digestOf(n))
    for (const [n, digest] of this.digests.entries()) this.byDigest.set(digest, n)
  }

  remember(): void {
    this.byDigest.clear()
    this.digests = []
  }

  /** In columns, as the restore service asks for it. */
  private page(places: readonly number[]): string {
    const forgotten = this.byDigest.size > 0
    const each = <T>(of: (n: number) => T): T[] => places.map(of)
    const columns = {
      tombstoneIds: each(tombstoneIdOf),
      requestIds: each(requestIdOf),
      mapVersions: each(() => 1),
      held: [],
      ceilingWaived: [],
      codes: each(() => (forgotten ? 'vault_key_destroyed' : null)),
      subjectRefs: each(requestIdOf),
      tenantIds: each(() => 'shop'),
      receivedAt: each(() => 1_700_000_000_000),
      identifiers: {
        counts: each(() => (forgotten ? 0 : 1)),
        types: forgotten ? [] : each(() => 'user_id'),
        values: forgotten ? [] : each((n) => String(personOf(n, this.rows))),
      },
      digests: {
        counts: each(() => (forgotten ? 1 : 0)),
        values: forgotten ? each((n) => this.digests[n]) : [],
      },
    }
    return JSON.stringify({ validUntil: Date.now() + 60_000, columns })
  }

  private digestOf(n: number): string {
    const mac = createHmac('sha256', PEPPER).update(
      JSON.stringify(['shop', 'user_id', String(personOf(n, this.rows))]),
    )
    return `v1.${mac.digest('base64url')}`
  }
}
