import { gzipSync } from 'node:zlib'
import type { Installation } from '../pipeline/installation.js'
import type { Sample } from '../report/measure.js'
import { Listener } from './listener.js'
import { Asker } from './reads.js'

export const MEMORY = 'Resident memory of ops'
export const LOAD = 'First load of the console'

const MIB = 2 ** 20
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Every second, with so many consoles open, each of which also reads a list or the overview then. */
export async function memoryWith(lethe: Installation, consoles: number, seconds: number): Promise<Sample[]> {
  const { url, token } = lethe.ops
  const open = await Promise.all(Array.from({ length: consoles }, () => Listener.open(url, token)))
  const asker = new Asker(url, token)
  try {
    const seen: number[] = []
    for (let second = 0; second < seconds; second++) {
      for (let n = 0; n < consoles; n++) await asker.ask(n % 2 === 0 ? '/v1/requests' : '/v1/overview')
      await pause(1_000)
      seen.push((lethe.rss()['ops'] ?? 0) / MIB)
    }
    return seen.map((value) => ({
      measure: MEMORY,
      subject: `${consoles} consoles open`,
      unit: 'MiB',
      value,
    }))
  } finally {
    for (const listener of open) listener.close()
    asker.close()
  }
}

/** The page and every file it names, as they go over the wire. */
export async function firstLoad(lethe: Installation): Promise<Sample[]> {
  const page = await (await fetch(lethe.ops.url)).text()
  const files = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((found) => found[1] as string)
  let bytes = gzipSync(page).length
  for (const file of new Set(files)) {
    const answer = await fetch(new URL(file, lethe.ops.url), { headers: { 'accept-encoding': 'identity' } })
    bytes += gzipSync(Buffer.from(await answer.arrayBuffer())).length
  }
  return [
    { measure: LOAD, subject: `page and ${files.length} files, gzipped`, unit: 'kB', value: bytes / 1_000 },
  ]
}
