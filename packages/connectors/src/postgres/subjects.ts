import type { Identifier, IdentifierType, PeopleColumns, ReplayPasses } from '@lethe/eraser-kit'

/** One subject of a batch; `ord` is its place there. */
export interface Wanted {
  readonly ord: number
  /** The request this is done for; absent when it only looks. */
  readonly requestId?: string
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  readonly receivedAt: number
  /** Of a pass: see there. */
  readonly undated?: 'leave' | 'take'
}

/** The subjects of a batch: an object of each, or all of them in columns, where each one's place is its `ord`. */
export type Subjects = readonly Wanted[] | WantedColumns

/** Everybody of a replay's batch. Objects of them are made for whoever has no other use for them, and then once. */
export class WantedColumns {
  private made: readonly Wanted[] | null = null

  constructor(private readonly passes: Pick<ReplayPasses, 'people' | 'requestIds' | 'taken'>) {}

  get people(): PeopleColumns {
    return this.passes.people
  }

  get requestIds(): readonly string[] {
    return this.passes.requestIds
  }

  /** Those of whom undated records are taken; null where nobody says what becomes of them. */
  get taken(): ReadonlySet<number> | null {
    return this.passes.taken
  }

  get objects(): readonly Wanted[] {
    this.made ??= wantedIn(this.passes)
    return this.made
  }
}

function wantedIn({
  people,
  requestIds,
  taken,
}: Pick<ReplayPasses, 'people' | 'requestIds' | 'taken'>): Wanted[] {
  const { tenantIds, receivedAt, counts, types, values } = people
  let at = 0
  return requestIds.map((requestId, ord) => {
    const identifiers: Identifier[] = []
    for (const end = at + (counts[ord] as number); at < end; at++)
      identifiers.push({ type: types[at] as IdentifierType, value: values[at] as string })
    const one = {
      ord,
      requestId,
      tenantId: tenantIds[ord] as string,
      identifiers,
      receivedAt: receivedAt[ord] as number,
    }
    return taken === null ? one : { ...one, undated: taken.has(ord) ? 'take' : 'leave' }
  })
}

export const objectsOf = (subjects: Subjects): readonly Wanted[] =>
  subjects instanceof WantedColumns ? subjects.objects : subjects

export const ordsOf = (subjects: Subjects): readonly number[] =>
  subjects instanceof WantedColumns ? [...subjects.requestIds.keys()] : subjects.map(({ ord }) => ord)

/** Those of whom undated records are taken, because a person decided so. */
export function takenOf(subjects: Subjects): readonly number[] {
  if (subjects instanceof WantedColumns) return [...(subjects.taken ?? [])]
  return subjects.flatMap(({ ord, undated }) => (undated === 'take' ? [ord] : []))
}

/** Without those of whom undated records are left. */
export function withoutLeft(subjects: Subjects): Subjects {
  if (subjects instanceof WantedColumns && subjects.taken === null) return subjects
  return objectsOf(subjects).filter(({ undated }) => undated !== 'leave')
}
