import { Worker } from 'node:worker_threads'

/** What a client saw that kept knocking, in a thread of its own. Instants are nanoseconds of the machine's clock. */
export interface Knocks {
  /** Attempts of each kind: nobody listened, the server refused, the server let it in. */
  readonly away: number
  readonly refused: number
  readonly inside: number
  readonly perSecond: number
  /** When it was first let in; null when it never was. */
  readonly firstInsideAt: bigint | null
  /** The most of the erased that any look from inside found. */
  readonly erasedSeen: number
}

export interface Hammer {
  /** Resolves when the first attempt has ended: from then on it knocks. */
  knocking(): Promise<void>
  /** Resolves when somebody was let in. */
  inside(): Promise<void>
  /** Idempotent. */
  stop(): Promise<Knocks>
}

export interface HammerAt {
  readonly port: number
  /** What each attempt sends, so that the server ends the connection after its answer. */
  readonly send: string
  /** How the answer to somebody who was let in begins. */
  readonly insideWhen: string
  /** Finds in it how many of the erased were seen. */
  readonly count: RegExp
}

/** How many knock at the same time; each begins anew as soon as it has its answer. */
const AT_ONCE = 8

const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const net = require('node:net')
const { port, send, insideWhen, count, atOnce } = workerData
const seen = { away: 0, refused: 0, inside: 0, firstInsideAt: null, erasedSeen: 0 }
const begun = process.hrtime.bigint()
let told = false
let stopped = false
const attempt = () => new Promise((resolve) => {
  let text = ''
  let at = null
  const socket = net.connect(port, '127.0.0.1', () => socket.write(send))
  socket.setTimeout(1000, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (data) => {
    at ??= process.hrtime.bigint()
    text += data.toString('latin1')
  })
  socket.on('close', () => {
    if (!text.startsWith(insideWhen)) return resolve(text === '' ? 'away' : 'refused')
    if (seen.firstInsideAt === null) { seen.firstInsideAt = at; parentPort.postMessage('inside') }
    const found = count.exec(text)
    if (found) seen.erasedSeen = Math.max(seen.erasedSeen, Number(found[1]))
    resolve('inside')
  })
})
const knock = async () => {
  while (!stopped) {
    seen[await attempt()]++
    if (!told) parentPort.postMessage('knocking')
    told = true
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
const all = Array.from({ length: atOnce }, knock)
parentPort.on('message', async () => {
  stopped = true
  await Promise.all(all)
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9
  parentPort.postMessage({ ...seen, perSecond: (seen.away + seen.refused + seen.inside) / seconds })
  parentPort.close()
})
`

/** Knocks at a port, hundreds of times a second, whether or not anybody listens there. */
export function startHammer(at: HammerAt): Hammer {
  const worker = new Worker(PROGRAM, { eval: true, workerData: { ...at, atOnce: AT_ONCE } })
  const said = (word: string) => {
    const promise = new Promise<void>((resolve, reject) => {
      worker.on('message', (message) => message === word && resolve())
      worker.once('error', reject)
    })
    promise.catch(() => undefined)
    return promise
  }
  const knocking = said('knocking')
  const inside = said('inside')
  let stopped: Promise<Knocks> | undefined
  const stop = () =>
    new Promise<Knocks>((resolve, reject) => {
      worker.once('error', reject)
      worker.on('message', (message) => typeof message === 'object' && resolve(message as Knocks))
      worker.postMessage('stop')
    })
  return {
    knocking: () => knocking,
    inside: () => inside,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Of a whole proof the rate is told: how fast a machine is decides no test. */
export function told({ perSecond, away, refused, inside }: Knocks): void {
  if (process.env.LETHE_PROOF_SIZE)
    process.stderr.write(
      `knocked ${Math.round(perSecond)} times a second: ${away} away, ${refused} refused, ${inside} let in\n`,
    )
}
