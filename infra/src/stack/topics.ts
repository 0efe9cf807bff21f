import { createTopics as createMissingTopics, MessageCodec } from '@lethe/messaging'
import type { StackContext } from './context.js'

/** Makes every topic of the design that is missing, in one call. Idempotent. */
export async function createTopics({ at }: StackContext): Promise<void> {
  await createMissingTopics({ brokers: at.brokers, clientId: 'lethe-setup' })
}

/**
 * Registers every message schema; one that breaks compatibility is refused by the registry. Idempotent. Throws when
 * the registry does not answer in time, and the signal's reason when it is aborted.
 */
export async function registerSchemas({ at }: StackContext, signal: AbortSignal): Promise<void> {
  await setCompatibility(at.registryUrl, signal)
  await MessageCodec.connect(at.registryUrl, { register: true, signal })
}

async function setCompatibility(registryUrl: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${registryUrl}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ compatibility: 'FULL_TRANSITIVE' }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
  })
  if (!response.ok)
    throw new Error(`The schema registry refused its compatibility rule: HTTP ${response.status}`)
}
