import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { packRuns, packTexts, type Runs, type Texts } from '@lethe/domain'
import { personOf, placeOf, requestIdOf, tombstoneIdOf } from './people.js'

/** As the restore service asks for them. */
const PAGE = 5_000
const GOOD_FOR_MS = 3_600_000
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

/** Of whom columns are written. */
interface Described {
  readonly tombstoneIds: Texts
  readonly requestIds: Texts
  readonly identifiers: readonly string[]
  readonly digests: readonly string[]
}

/**
 * `request` as far as the restore service asks it: its section of the data map, and tombstones with identifiers. It
 * unseals nothing, reads no database, and has written the pages before anybody asks for them, so what is measured is
 * the restore service and the store.
 */
export class RequestStandIn {
  private tombstones = 0
  private rows = 1
  /** By the place of their first tombstone. */
  private readonly pages = new Map<number, Buffer>()
  private readonly byDigest = new Map<string, number>()
  /** One behind the other, so that nothing is made of those of a page when somebody asks for it. */
  private tombstoneIds = ''
  private requestIds = ''
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

  /** Whose erasures there are: so many people of so many rows. */
  given({ tombstones, rows }: { readonly tombstones: number; readonly rows: number }): void {
    const all = Array.from({ length: tombstones }, (_, n) => n)
    const [tombstoneIds, requestIds] = [tombstoneIdOf, requestIdOf].map((idOf) => all.map(idOf).join(''))
    Object.assign(this, { tombstones, rows, tombstoneIds, requestIds })
    this.write()
  }

  private answer(path: string, body: string): string | Buffer {
    if (path.startsWith('/v1/data-maps/')) return JSON.stringify(section)
    if (path.endsWith('/peppers')) return JSON.stringify({ peppers: [{ version: 'v1', secret: PEPPER }] })
    const { after, limit, matching } = JSON.parse(body) as Question
    if (matching) return this.page(matching.digests.flatMap((digest) => this.byDigest.get(digest) ?? []))
    const from = placeOf(after) + 1
    const written = limit === PAGE ? this.pages.get(from) : undefined
    return written ?? this.page(this.places(from, limit))
  }

  /** From now on only digests are left of everybody. */
  forget(): void {
    // In the order of the rows, which is the one they are asked for in: neighbours in memory are found faster.
    const places = Array.from({ length: this.tombstones }, (_, n) => n)
    this.digests = new Array<string>(this.tombstones)
    for (const n of places.sort((a, b) => personOf(a, this.rows) - personOf(b, this.rows))) {
      const digest = this.digestOf(n)
      this.digests[n] = digest
      this.byDigest.set(digest, n)
    }
    this.write()
  }

  remember(): void {
    this.byDigest.clear()
    this.digests = []
    this.write()
  }

  private write(): void {
    this.pages.clear()
    for (let from = 0; from < this.tombstones; from += PAGE)
      this.pages.set(from, Buffer.from(this.page(this.places(from, PAGE))))
  }

  private places(from: number, limit: number): number[] {
    const to = Math.min(this.tombstones, from + limit)
    return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
  }

  private page(places: readonly number[]): string {
    const forgotten = this.byDigest.size > 0
    return pageOf({
      tombstoneIds: idsOf(this.tombstoneIds, places),
      requestIds: idsOf(this.requestIds, places),
      identifiers: forgotten ? [] : places.map((n) => String(personOf(n, this.rows))),
      digests: forgotten ? places.map((n) => this.digests[n] as string) : [],
    })
  }

  private digestOf(n: number): string {
    const mac = createHmac('sha256', PEPPER).update(
      JSON.stringify(['shop', 'user_id', String(personOf(n, this.rows))]),
    )
    return `v1.${mac.digest('base64url')}`
  }
}

/** In columns, as the restore service asks for it. Whoever writes a page beforehand has no clock: it is good for long. */
function pageOf({ tombstoneIds, requestIds, identifiers, digests }: Described): string {
  const size = tombstoneIds.text.length / UUID
  const all = <T>(value: T) => runOf(value, size)
  const isKnown = identifiers.length > 0
  const columns = {
    tombstoneIds,
    requestIds,
    mapVersions: all(1),
    held: [],
    ceilingWaived: [],
    codes: all(isKnown ? null : 'vault_key_destroyed'),
    subjectRefs: requestIds,
    tenantIds: all('shop'),
    receivedAt: all(1_700_000_000_000),
    identifiers: {
      counts: all(isKnown ? 1 : 0),
      types: packRuns(identifiers.map(() => 'user_id')),
      values: packTexts(identifiers),
    },
    digests: { counts: all(digests.length > 0 ? 1 : 0), values: packTexts(digests) },
  }
  return JSON.stringify({ validUntil: Date.now() + GOOD_FOR_MS, columns })
}

const UUID = 36

const runOf = <T>(value: T, size: number): Runs<T> =>
  size > 0 ? { values: [value], counts: [size] } : { values: [], counts: [] }

const idsOf = (all: string, places: readonly number[]): Texts => ({
  lengths: runOf(UUID, places.length),
  text: places.map((n) => all.slice(n * UUID, (n + 1) * UUID)).join(''),
})
