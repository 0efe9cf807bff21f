import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Endpoint } from './backdoor.js'

/**
 * What happens at the n-th piece of bytes that clients write after arming:
 * - `cut-request`: it never arrives and every connection breaks: the client crashed before its write.
 * - `cut-response`: it arrives, its answer does not: the client crashed before it knew.
 * - `hold-request`, `hold-response`: it, or its answer, waits until `release`.
 */
export type Fault = 'cut-request' | 'cut-response' | 'hold-request' | 'hold-response'

/** A TCP proxy before a store. It knows no protocol, so it serves every vendor. */
export class FaultProxy {
  /** Client writes seen since arming. */
  writes = 0
  /** Resolves when the armed fault has struck. */
  struck: Promise<void> = Promise.resolve()
  private fault: { readonly kind: Fault; readonly at: number; strike(): void } | undefined
  private held: (() => void)[] | undefined
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly target: Endpoint,
  ) {}

  static async open(target: Endpoint): Promise<FaultProxy> {
    const server = createServer({ pauseOnConnect: false })
    const proxy = new FaultProxy(server, target)
    server.on('connection', (client) => proxy.join(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get endpoint(): Endpoint {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port }
  }

  /** Counts from now on; strikes at write number `at` (from 1), or never when no fault is given. */
  arm(fault?: Fault, at = 1): void {
    this.writes = 0
    this.held = undefined
    if (!fault) {
      this.fault = undefined
      return
    }
    this.struck = new Promise((resolve) => {
      this.fault = { kind: fault, at, strike: resolve }
    })
  }

  get hasStruck(): boolean {
    return this.fault !== undefined && this.writes >= this.fault.at
  }

  /** Lets held bytes go on and strikes no more. */
  release(): void {
    const held = this.held ?? []
    this.held = undefined
    this.fault = undefined
    for (const go of held) go()
  }

  async close(): Promise<void> {
    this.cutAll()
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
      // A broken connection is this proxy's purpose: the other side learns of it by the same break.
      socket.on('error', () => other.destroy())
      socket.on('end', () => other.end())
      socket.on('close', () => this.sockets.delete(socket))
    }
    client.on('data', (bytes) => this.fromClient(bytes, store))
    store.on('data', (bytes) => this.fromStore(bytes, client))
  }

  private fromClient(bytes: Buffer, store: Socket): void {
    this.writes += 1
    const { fault } = this
    if (!fault || this.writes < fault.at) {
      store.write(bytes)
      return
    }
    if (this.writes === fault.at) {
      if (fault.kind === 'hold-request' || fault.kind === 'hold-response') this.held = []
      fault.strike()
    }
    if (fault.kind === 'cut-request') this.cutAll()
    else if (fault.kind === 'hold-request' && this.held) this.held.push(() => store.write(bytes))
    else store.write(bytes)
  }

  private fromStore(bytes: Buffer, client: Socket): void {
    const { fault } = this
    if (fault?.kind === 'cut-response' && this.hasStruck) this.cutAll()
    else if (fault?.kind === 'hold-response' && this.held) this.held.push(() => client.write(bytes))
    else client.write(bytes)
  }

  private cutAll(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}
