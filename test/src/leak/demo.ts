import { eraseWithProgress } from '../demo/erase.js'
import { type CanaryPerson, personOf } from './canary.js'
import type { Walk } from './paths.js'

/** Whatever is written to this process's output while `work` runs. */
export async function printedBy(work: () => Promise<unknown>): Promise<string> {
  const parts: string[] = []
  const { write } = process.stdout
  process.stdout.write = (chunk: string | Uint8Array) => {
    parts.push(Buffer.from(chunk as string).toString('latin1'))
    return true
  }
  try {
    await work()
  } finally {
    process.stdout.write = write
  }
  return parts.join('')
}

/** An erasure as the demonstration shows it, from the request to the last step. */
export function demonstrate({ chain, canary }: Walk): Promise<string> {
  const person: CanaryPerson = personOf(canary, 'demo')
  return printedBy(() => eraseWithProgress(chain.client(), person, AbortSignal.timeout(120_000)))
}
