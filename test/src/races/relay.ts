import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A connection says `after` some time before `word`, or in the same breath, and `word` is what is held. */
export interface Words {
  readonly after: string
  readonly word: string
}

/**
 * A TCP relay before a store that can stop its clients' words on their way: on every connection the words it
 * was told to catch, and all that follow them, wait until `release`.
 */
export class Relay {
  private words: Words | null = null
  private caught: (() => void) | null = null
  private readonly waiting = new Map<Socket, Buffer[]>()
  private readonly ready = new WeakSet<Socket>()
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {}

  /** Stands before the server of `url`; `through` gives the address to use instead. */
  static async open(url: string): Promise<Relay> {
    const { hostname, port } = new URL(url)
    const server = createServer()
    const relay = new Relay(server, { host: hostname, port: Number(port) })
    server.on('connection', (client) => relay.join(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return relay
  }

  /** The same connection string by way of this relay. */
  through(url: string): string {
    const changed = new URL(url)
    changed.hostname = '127.0.0.1'
    changed.port = String((this.server.address() as AddressInfo).port)
    return changed.href
  }

  /** Resolves when the first such word is under way and held. */
  catch(words: Words): Promise<void> {
    this.words = words
    return new Promise((resolve) => {
      this.caught = resolve
    })
  }

  release(): void {
    this.words = null
    for (const [store, pieces] of this.waiting) for (const piece of pieces) store.write(piece)
    this.waiting.clear()
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    const closed = once(this.server, 'close')
    this.server.close()
    await closed
  }

  private join(client: Socket): void {
    const store = connect(this.target.port, this.target.host)
    for (const [socket, other] of [
      [client, store],
      [store, client],
    ] as const) {
      this.sockets.add(socket)
      // A broken side breaks the other: that is all a client could tell of it.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.sockets.delete(socket)
        this.waiting.delete(socket)
        other.destroy()
      })
    }
    client.on('data', (bytes: Buffer) => this.pass(bytes, store))
    store.on('data', (bytes: Buffer) => client.write(bytes))
  }

  private pass(bytes: Buffer, store: Socket): void {
    const held = this.waiting.get(store)
    if (this.words && bytes.includes(this.words.after)) this.ready.add(store)
    if (held) held.push(bytes)
    else if (this.words && this.ready.has(store) && bytes.includes(this.words.word)) {
      this.waiting.set(store, [bytes])
      this.caught?.()
    } else store.write(bytes)
  }
}
