import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Endpoint } from '../backdoor.js'
import { lines } from './lines.js'
import type { Question } from './shelf-server.js'

/** What the shelf answered instead; `text` quotes people. */
export class ShelfError extends Error {
  constructor(
    readonly code: string,
    readonly text = '',
  ) {
    super(text || code)
  }
}

/** One connection; a new one is opened when the last broke. */
export class ShelfClient {
  private socket: Promise<Socket> | undefined
  private readonly waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = []

  constructor(
    private readonly at: Endpoint,
    private readonly password: string,
  ) {}

  async ask<Answer>(question: Question): Promise<Answer> {
    this.socket ??= this.connected().catch((error) => {
      this.socket = undefined
      throw error
    })
    return this.send<Answer>(await this.socket, question)
  }

  async close(): Promise<void> {
    const socket = await this.socket?.catch(() => undefined)
    socket?.destroy()
  }

  private async connected(): Promise<Socket> {
    const socket = connect(this.at.port, this.at.host)
    await once(socket, 'connect').catch(() => {
      throw new ShelfError('unreachable')
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.socket = undefined
      for (const { reject } of this.waiting.splice(0)) reject(new ShelfError('unreachable'))
    })
    lines(socket, (line) => this.waiting.shift()?.resolve(JSON.parse(line)))
    await this.send(socket, { ask: 'hello', password: this.password })
    return socket
  }

  private async send<Answer>(socket: Socket, question: Question): Promise<Answer> {
    const answer = await new Promise<unknown>((resolve, reject) => {
      if (socket.destroyed) return reject(new ShelfError('unreachable'))
      this.waiting.push({ resolve, reject })
      socket.write(`${JSON.stringify(question)}\n`)
    })
    if (typeof answer === 'object' && answer !== null && 'error' in answer) {
      const { error, text } = answer as { error: string; text?: string }
      throw new ShelfError(error, text)
    }
    return answer as Answer
  }
}
