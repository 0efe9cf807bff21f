/** What a replay and its probes came to. */
export interface Tally {
  readonly tombstones: number
  readonly replayed: number
  readonly alreadyAbsent: number
  /** People under a hold: their data came back and may not be touched. */
  readonly held: number
  /** Tombstones whose identifiers nobody can read any more. */
  readonly unreadable: number
  /** Passes the store would not do, by code. */
  readonly failed: Readonly<Record<string, number>>
  /** Matches that probes still found, per collection. */
  readonly residual: Readonly<Record<string, number>>
  /** Probes that could not tell, by code. */
  readonly inconclusive: Readonly<Record<string, number>>
}

/** How old the copy is that answered. */
export type CopyAge =
  /** Hooked restores and staging copies say themselves which backup they are. */
  | { readonly known: true; readonly writtenAt: number; readonly lastCollectedAt: number | null }
  | { readonly known: false; readonly foreign: boolean }

export interface Reason {
  readonly code:
    | 'held'
    | 'unreadable'
    | 'failed'
    | 'residual'
    | 'inconclusive'
    | 'marker_unknown'
    | 'marker_foreign'
    | 'older_than_collected'
    | 'not_restored_yet'
    | 'gate_not_operable'
    | 'review'
    | 'tombstone_chain_broken'
  /** What it is and what a person does about it; names nobody. */
  readonly detail: string
  readonly counts?: Readonly<Record<string, number>>
}

const some = (counts: Readonly<Record<string, number>>) => Object.values(counts).some((count) => count > 0)

/** Why the gate stays shut; empty is the only way it opens by itself. */
export function reasonsToWait(tally: Tally, age: CopyAge): Reason[] {
  const reasons: Reason[] = []
  const add = (when: boolean, reason: Reason) => {
    if (when) reasons.push(reason)
  }
  add(!age.known && age.foreign, {
    code: 'marker_foreign',
    detail:
      'Its marker was not written for this system by this installation of Lethe: this looks like another environment’s or another tenant’s store, and nobody was erased in it. Put the right one back, or open by hand.',
  })
  add(!age.known && !age.foreign, {
    code: 'marker_unknown',
    detail:
      'Nobody can say how old this copy is. Check that no tombstone was collected since, then open by hand.',
  })
  add(age.known && age.lastCollectedAt !== null && age.lastCollectedAt >= age.writtenAt, {
    code: 'older_than_collected',
    detail:
      'The copy is older than a tombstone that has expired: it may hold people nobody remembers. Use a younger backup, or open by hand.',
  })
  add(tally.held > 0, {
    code: 'held',
    detail:
      'People under a hold are in this copy and may not be erased. Release their holds and run it again, or open by hand.',
    counts: { tombstones: tally.held },
  })
  add(tally.unreadable > 0, {
    code: 'unreadable',
    detail:
      'The identifiers of these tombstones can’t be read any more, and nobody can be found by their digests. Check, then open by hand.',
    counts: { tombstones: tally.unreadable },
  })
  add(some(tally.failed), {
    code: 'failed',
    detail: 'The store would not erase everybody. Remove the cause the codes name and run it again.',
    counts: tally.failed,
  })
  add(some(tally.residual), {
    code: 'residual',
    detail:
      'Probes still find erased people in these collections. Run it again; if it stays, look at the data map.',
    counts: tally.residual,
  })
  add(some(tally.inconclusive), {
    code: 'inconclusive',
    detail: 'Probes could not look everywhere. Remove the cause the codes name and run it again.',
    counts: tally.inconclusive,
  })
  return reasons
}
