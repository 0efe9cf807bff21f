import type { CollectionCounts, Counts, Subject } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { countStatement } from './statements.js'
import { byCollection, type CountedOrds, eachOrd } from './tally.js'
import type { Plan } from './targets.js'

/** Rows per collection and subject that an erasure would touch or retain; `found` only, nothing is changed. */
export async function previewSubjects(
  db: ClientBase,
  plan: Plan,
  subjects: readonly Subject[],
): Promise<Counts[]> {
  const collections = byCollection(plan.targets)
  const counts = subjects.map(() =>
    Object.fromEntries(
      [...collections.keys()].map((collection): [string, CollectionCounts] => [collection, counted(0)]),
    ),
  )
  const wanted = subjects
    .map((subject, ord) => ({ ord, ...subject }))
    .filter(({ tenantId }) => !('constant' in plan.tenantRule) || plan.tenantRule.constant === tenantId)
  for (const [collection, targets] of collections) {
    const statement = countStatement(targets, wanted)
    if (!statement) continue
    for (const { ords, rows } of (await db.query<CountedOrds>(statement)).rows)
      eachOrd(ords, (ord) => {
        const mine = counts[ord]
        if (mine) mine[collection] = counted(rows)
      })
  }
  return counts
}

function counted(found: number): CollectionCounts {
  return { found, erased: 0, redacted: 0, retained: 0, failed: 0 }
}
