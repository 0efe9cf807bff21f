import { connect, type Socket } from 'node:net'
import type { Attempt, Way } from './knocks.ts'

/** Who has no answer by then gives up, milliseconds. */
const PATIENCE_MS = 5_000
const HOST = '127.0.0.1'

/** Logs in to a PostgreSQL; roles need no password and take turns. */
export interface Login {
  readonly by: 'login'
  readonly port: number
  readonly roles: readonly string[]
  readonly database: string
  /** Its answer is how many of the erased are seen. */
  readonly query: string
}

/** Sends one text on a connection of its own, which the server ends after its answer. */
export interface Lines {
  readonly by: 'lines'
  readonly port: number
  readonly send: string
  /** How the answer to somebody who was let in begins. */
  readonly insideWhen: string
  /** Finds in it how many of the erased were seen. */
  readonly count: RegExp
}

/** Asks an HTTP server, on connections that are kept. */
export interface Asking extends Omit<Lines, 'by'> {
  readonly by: 'http'
  /** How the answer begins where there is nothing yet that could be shut. */
  readonly awayWhen: string
}

export type WayIn = Login | Lines | Asking

export function wayOf(way: WayIn): Way {
  if (way.by === 'login') return (n) => login(way, way.roles[n % way.roles.length] ?? '')
  if (way.by === 'lines') return () => lines(way)
  const idle: Socket[] = []
  return () => asking(way, idle)
}

const outside = (connected: boolean, answered: boolean): Attempt => ({
  fate: !connected ? 'away' : answered ? 'refused' : 'unanswered',
  erased: 0,
  insideAt: null,
})

const text = (value: string) => Buffer.from(`${value}\0`)

function startup(role: string, database: string): Buffer {
  const pairs = [text('user'), text(role), text('database'), text(database)]
  const body = Buffer.concat([Buffer.from([0, 3, 0, 0]), ...pairs, Buffer.from([0])])
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function login({ port, database, query }: Login, role: string): Promise<Attempt> {
  return new Promise((resolve) => {
    let [connected, answered, erased] = [false, false, 0]
    let insideAt: bigint | null = null
    let bytes = Buffer.alloc(0)
    const socket = connect(port, HOST, () => {
      connected = true
      socket.write(startup(role, database))
    })
    const done = () => {
      socket.destroy()
      resolve(insideAt === null ? outside(connected, answered) : { fate: 'inside', erased, insideAt })
    }
    const told = (type: string, body: Buffer) => {
      answered = true
      // Authentication that is asked for is none yet; zero says that it is done.
      if (type === 'R' && body.readInt32BE(0) === 0) insideAt ??= process.hrtime.bigint()
      if (type === 'D') erased = Number(body.subarray(6).toString())
      if (type === 'Z') socket.write(message('Q', text(query)))
      if (type === 'C') socket.write(message('X', Buffer.alloc(0)))
      if (type === 'E' || type === 'C') done()
    }
    socket.setTimeout(PATIENCE_MS, done)
    socket.on('error', done)
    socket.on('close', done)
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, data])
      while (bytes.length >= 5 && bytes.length > bytes.readInt32BE(1)) {
        const end = bytes.readInt32BE(1) + 1
        told(String.fromCharCode(bytes[0] ?? 0), bytes.subarray(5, end))
        bytes = bytes.subarray(end)
      }
    })
  })
}

const inside = (answer: string, count: RegExp, insideAt: bigint): Attempt => ({
  fate: 'inside',
  erased: Number(count.exec(answer)?.[1] ?? 0),
  insideAt,
})

function lines({ port, send, insideWhen, count }: Lines): Promise<Attempt> {
  return new Promise((resolve) => {
    let [connected, answer] = [false, '']
    let at: bigint | null = null
    const socket = connect(port, HOST, () => {
      connected = true
      socket.write(send)
    })
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      at ??= process.hrtime.bigint()
      answer += data.toString('latin1')
    })
    socket.on('close', () =>
      resolve(
        at !== null && answer.startsWith(insideWhen)
          ? inside(answer, count, at)
          : outside(connected, answer !== ''),
      ),
    )
  })
}

/** All of it, as far as its own length says; null while something is missing. */
function whole(answer: string): string | null {
  const head = answer.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)/im.exec(answer.slice(0, head))?.[1]
  return head >= 0 && length !== undefined && answer.length >= head + 4 + Number(length) ? answer : null
}

function asking({ port, send, insideWhen, awayWhen, count }: Asking, idle: Socket[]): Promise<Attempt> {
  return new Promise((resolve) => {
    const kept = idle.pop()
    let [connected, answer] = [kept !== undefined, '']
    const socket = kept ?? connect(port, HOST, () => (connected = true))
    const leave = (attempt: Attempt) => {
      socket.removeAllListeners().on('error', () => undefined)
      resolve(attempt)
    }
    const broken = () => {
      socket.destroy()
      leave(outside(connected, false))
    }
    socket.setTimeout(PATIENCE_MS)
    socket.removeAllListeners().on('timeout', broken).on('error', broken).on('close', broken)
    if (kept === undefined) socket.on('connect', () => (connected = true))
    socket.on('data', (data) => {
      answer += data.toString('latin1')
      if (whole(answer) === null) return
      const at = process.hrtime.bigint()
      if (answer.startsWith(insideWhen)) leave(inside(answer, count, at))
      else leave(outside(!answer.startsWith(awayWhen), true))
      socket.on('close', () => idle.splice(idle.indexOf(socket) >>> 0, 1))
      idle.push(socket)
    })
    socket.write(send)
  })
}
