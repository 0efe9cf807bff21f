import { Worker } from 'node:worker_threads'

/** What clients saw that kept logging in to a PostgreSQL. */
export interface Logins {
  readonly attempts: number
  readonly perSecond: number
  /** When the first one was let in, epoch milliseconds; null when none ever was. */
  readonly firstInsideAt: number | null
  /** Logins that found somebody of `who`. */
  readonly sightings: number
}

export interface LoginHammer {
  /** Resolves when somebody was let in. */
  inside(): Promise<void>
  /** Resolves when somebody of `who` was seen. */
  sighting(): Promise<void>
  /** Idempotent. */
  stop(): Promise<Logins>
}

/** Offered, whether or not the ones before have their answer; of those at most so many at once. */
const PER_SECOND = 250
const AT_ONCE = 100

const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const net = require('node:net')
const { port, roles, database, query, atOnce, perSecond } = workerData
const seen = { attempts: 0, firstInsideAt: null, sightings: 0 }
const begun = Date.now()
let stopped = false
const text = (value) => Buffer.from(value + '\\0')
const startup = (role) => {
  const body = Buffer.concat([Buffer.from([0, 3, 0, 0]), text('user'), text(role), text('database'), text(database), Buffer.from([0])])
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}
const message = (type, body) => {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
const attempt = (role) => new Promise((resolve) => {
  let bytes = Buffer.alloc(0)
  let inside = false
  const socket = net.connect(port, '127.0.0.1', () => socket.write(startup(role)))
  const done = () => { socket.destroy(); resolve() }
  socket.setTimeout(2000, done)
  socket.on('error', done)
  socket.on('close', done)
  const told = (type, body) => {
    // Authentication that is asked for is none yet; zero says that it is done.
    if (type === 'R' && body.readInt32BE(0) === 0 && !inside) {
      inside = true
      if (seen.firstInsideAt === null) { seen.firstInsideAt = Date.now(); parentPort.postMessage('inside') }
    }
    if (type === 'E') return done()
    if (type === 'D' && body.subarray(6).toString() !== '0' && seen.sightings++ === 0) parentPort.postMessage('sighting')
    if (type === 'C') { socket.end(message('X', Buffer.alloc(0))); return done() }
    if (type === 'Z') socket.write(message('Q', text(query)))
  }
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data])
    while (bytes.length >= 5 && bytes.length > bytes.readInt32BE(1)) {
      const end = bytes.readInt32BE(1) + 1
      told(String.fromCharCode(bytes[0]), bytes.subarray(5, end))
      bytes = bytes.subarray(end)
    }
  })
})
const underWay = new Set()
const knock = () => {
  // A tick that comes late makes up for those that did not.
  while (!stopped && underWay.size < atOnce && seen.attempts < ((Date.now() - begun) * perSecond) / 1000) {
    const one = attempt(roles[seen.attempts++ % roles.length]).then(() => underWay.delete(one))
    underWay.add(one)
  }
}
const ticking = setInterval(knock, 4)
parentPort.on('message', async () => {
  stopped = true
  clearInterval(ticking)
  const seconds = (Date.now() - begun) / 1000
  await Promise.all(underWay)
  parentPort.postMessage({ ...seen, perSecond: Math.round(seen.attempts / seconds) })
  parentPort.close()
})
`

/**
 * Logs in to a database in a thread of its own, hundreds of times a second, whether or not anybody listens there. Roles
 * need no password; they take turns.
 */
export function startLogins(at: {
  readonly port: number
  readonly roles: readonly string[]
  readonly database: string
  /** Ids of users who must not be seen. */
  readonly who: readonly string[]
}): LoginHammer {
  const { port, roles, database, who } = at
  const ids = who.map((id) => `'${id}'`).join(', ')
  const query = `SELECT count(*) FROM users WHERE id IN (${ids})`
  const worker = new Worker(PROGRAM, {
    eval: true,
    workerData: { port, roles, database, query, atOnce: AT_ONCE, perSecond: PER_SECOND },
  })
  const when = (what: string) => {
    const told = new Promise<void>((resolve, reject) => {
      worker.on('message', (message) => message === what && resolve())
      worker.once('error', reject)
    })
    told.catch(() => undefined)
    return told
  }
  const inside = when('inside')
  const sighting = when('sighting')
  let stopped: Promise<Logins> | undefined
  return {
    inside: () => inside,
    sighting: () => sighting,
    stop: () => {
      stopped ??= new Promise((resolve, reject) => {
        worker.once('error', reject)
        worker.on('message', (message) => typeof message === 'object' && resolve(message as Logins))
        worker.postMessage('stop')
      })
      return stopped
    },
  }
}
