import { LetheClient } from '@lethe/client'
import { eraseWithProgress } from '../demo/erase.js'
import type { Chain } from '../harness/chain.js'
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

/** The demonstration of a service that shows `person` in the place of a status, with somebody else's erasure. */
export function demonstrateTalkative(
  { context: { at, secrets } }: Chain,
  person: CanaryPerson,
): Promise<string> {
  class Talkative extends LetheClient {
    override async *watch(...given: Parameters<LetheClient['watch']>) {
      for await (const view of super.watch(...given))
        yield { ...view, status: person.email as typeof view.status }
    }
  }
  const client = new Talkative({ url: at.requestUrl, token: secrets.token('privacy-officer') })
  const erased = { tenantId: 'acme', userId: 'u90', email: 'customer90@example.com' }
  return printedBy(() => eraseWithProgress(client, erased, AbortSignal.timeout(120_000)))
}
