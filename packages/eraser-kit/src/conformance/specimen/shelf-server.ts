import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Receipt } from '../../connector.js'
import type { Endpoint } from '../backdoor.js'
import { lines } from './lines.js'

export interface Item {
  readonly id: string
  readonly collection: string
  readonly tenantId: string
  readonly owner: string
}

/** What a client may ask of the shelf; each question is answered by one line. */
export type Question =
  | { readonly ask: 'hello'; readonly password: string }
  | { readonly ask: 'find'; readonly collection: string; readonly tenantId: string; readonly owner: string }
  /** Matches by prefix, in every tenant when `tenantId` is `*`: what a careless connector would use. */
  | {
      readonly ask: 'search'
      readonly collection: string
      readonly tenantId: string
      readonly prefix: string
    }
  /** All or nothing, and nothing after `notAfter` (epoch milliseconds). */
  | {
      readonly ask: 'remove'
      readonly ids: readonly string[]
      readonly receipts: readonly Receipt[]
      readonly notAfter: number
    }
  | { readonly ask: 'add'; readonly item: Item }
  | { readonly ask: 'receipts'; readonly keys: readonly { requestId: string; passId: string }[] }

export const READER = 'may only look'
export const WRITER = 'may remove'

/** A store small enough to be read in a minute, behind a socket so that it can be cut off like a real one. */
export class ShelfServer {
  readonly items = new Map<string, Item>()
  readonly receipts = new Map<string, Receipt>()
  /** Owners whose items can not be removed. */
  readonly locked = new Set<string>()
  private readonly sockets = new Set<Socket>()

  private constructor(private readonly server: Server) {}

  static async open(): Promise<ShelfServer> {
    const server = createServer()
    const shelf = new ShelfServer(server)
    server.on('connection', (socket) => shelf.serve(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return shelf
  }

  get endpoint(): Endpoint {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  private serve(socket: Socket): void {
    let rights: string | undefined
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    // A client that breaks off is the usual case here.
    socket.on('error', () => socket.destroy())
    lines(socket, (line) => {
      const question = JSON.parse(line) as Question
      if (question.ask === 'hello') rights = question.password
      const known = rights === READER || rights === WRITER
      const writes = question.ask === 'remove' || question.ask === 'add'
      const answer = known && (!writes || rights === WRITER) ? this.answer(question) : { error: 'refused' }
      socket.write(`${JSON.stringify(answer)}\n`)
    })
  }

  private answer(question: Question): unknown {
    if (question.ask === 'hello') return { ok: true }
    if (question.ask === 'find')
      return this.matching(
        question.collection,
        (item) => item.tenantId === question.tenantId && item.owner === question.owner,
      )
    if (question.ask === 'search')
      return this.matching(
        question.collection,
        (item) =>
          (question.tenantId === '*' || item.tenantId === question.tenantId) &&
          item.owner.startsWith(question.prefix),
      )
    if (question.ask === 'receipts')
      return question.keys.flatMap((key) => this.receipts.get(`${key.requestId} ${key.passId}`) ?? [])
    if (question.ask === 'add') {
      this.items.set(question.item.id, question.item)
      return { ok: true }
    }
    return this.remove(question)
  }

  private matching(collection: string, matches: (item: Item) => boolean): string[] {
    return [...this.items.values()]
      .filter((item) => item.collection === collection && matches(item))
      .map((i) => i.id)
  }

  private remove(question: Question & { ask: 'remove' }): unknown {
    if (Date.now() > question.notAfter) return { error: 'expired' }
    const locked = question.ids
      .map((id) => this.items.get(id))
      .find((item) => item && this.locked.has(item.owner))
    // Real stores quote the row they failed on.
    if (locked) return { error: 'locked', text: `${locked.collection} of "${locked.owner}" is locked` }
    for (const id of question.ids) this.items.delete(id)
    for (const receipt of question.receipts)
      this.receipts.set(`${receipt.requestId} ${receipt.passId}`, receipt)
    return { ok: true }
  }
}
