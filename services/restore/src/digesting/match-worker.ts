import { parentPort, workerData } from 'node:worker_threads'
import type { HeldIdentifiers } from '@lethe/eraser-kit'
import { DigestSet, type SetParts } from '../domain/digest-set.js'
import { HeldMatch, type Sought } from './held-match.js'

/** What the thread is given at its start. */
export interface Given {
  readonly set: SetParts
  readonly peppers: Sought['peppers']
  readonly tenants: readonly string[]
}

const { set, peppers, tenants } = workerData as Given
const matching = new HeldMatch({ set: DigestSet.over(set), peppers, tenants: new Set(tenants) })

// One page after the other, each with its records, which go back.
parentPort?.on('message', ({ type, records }: HeldIdentifiers) => {
  const found = matching.candidatesIn({ type, records })
  const { at, tenants: of, peppers: under, digests } = found ?? {}
  const own = [at, of, under, digests].flatMap((column) => (column ? [column.buffer] : []))
  parentPort?.postMessage({ found, records }, [records.buffer as ArrayBuffer, ...own])
})
