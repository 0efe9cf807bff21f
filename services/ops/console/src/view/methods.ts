import type { DataMap } from '../../../src/adapters/http/answer-types.js'

/** What becomes of the records of one system, by how many kinds of them: `redact 3, delete 5`. */
export function methodsOf(map: Pick<DataMap, 'outline'> | null, systemId: string): string | null {
  const system = map?.outline?.systems.find((one) => one.systemId === systemId)
  if (system === undefined) return null
  const counted = new Map<string, number>()
  for (const { method } of system.elements) counted.set(method, (counted.get(method) ?? 0) + 1)
  return [...counted].map(([method, n]) => `${method} ${n}`).join(', ') || 'nothing'
}
