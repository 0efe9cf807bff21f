import { randomUUID } from 'node:crypto'
import type { ErasureRequestView, LetheClient } from '@lethe/client'
import type { Person } from '../shop/oracle.js'
import { line } from './print.js'

/** Asks for the erasure by e-mail and prints every step as it changes. Resolves with the settled request. */
export async function eraseWithProgress(
  client: LetheClient,
  person: Person,
  signal: AbortSignal,
): Promise<ErasureRequestView> {
  const begun = performance.now()
  const accepted = await client.request(
    {
      tenantId: person.tenantId,
      identifiers: [{ type: 'email', value: person.email }],
      requesterRole: 'self',
      identity: { method: 'signed_in_session' },
      graceDays: 0,
    },
    randomUUID(),
  )
  const said = new Map<string, string>()
  const tell = (key: string, text: string) => {
    if (said.get(key) === text) return
    said.set(key, text)
    line(`${((performance.now() - begun) / 1000).toFixed(2).padStart(6)} s  ${key.padEnd(12)} ${text}`)
  }
  let last = accepted
  tell('request', `${accepted.status} ${accepted.requestId}`)
  for await (const view of client.watch(accepted.requestId, 20, signal)) {
    last = view
    for (const step of view.steps) tell(step.stepId, `${step.status}${counted(step.counts)}`)
    tell('request', view.status)
  }
  return last
}

function counted(counts: ErasureRequestView['steps'][number]['counts']): string {
  const all = Object.values(counts ?? {})
  const sum = (field: 'erased' | 'redacted') => all.reduce((total, one) => total + one[field], 0)
  const parts = (['erased', 'redacted'] as const)
    .filter((field) => sum(field) > 0)
    .map((field) => `${sum(field)} ${field}`)
  return parts.length === 0 ? '' : ` · ${parts.join(', ')}`
}
