import { createServer } from 'node:net'
import { endpoints } from '../endpoints.js'

/** Keeps every port below 32768, where many systems begin to hand out ports of outgoing connections. */
const HIGHEST = 2_500
const LOWEST = -17_000
const STEP = 500

/**
 * A port offset at which nothing listens: 0 when the usual ports are free, else a random one, so that two
 * test runs on one machine do not meet. Throws when none is found in fifty tries.
 */
export async function freeOffset(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const steps = Math.floor((random() * (HIGHEST - LOWEST)) / STEP)
    const offset = attempt === 0 ? 0 : LOWEST + steps * STEP
    if (await allFree(offset)) return offset
  }
  throw new Error('No free range of ports was found for the test stack')
}

async function allFree(offset: number): Promise<boolean> {
  const { ports, erasers } = endpoints(offset)
  const all = [
    ...Object.values(ports),
    ...Object.values(erasers).flatMap(({ erase, probe }) => [erase, probe]),
  ]
  const free = await Promise.all([...new Set(all)].map(canListen))
  return free.every(Boolean)
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
