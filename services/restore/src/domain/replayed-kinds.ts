import type { Replayed } from './restore.js'

/** People to whom the same happened. */
export interface ReplayedKind extends Pick<Replayed, 'outcome' | 'counts' | 'errorCode'> {
  readonly tombstoneIds: readonly string[]
  /** In the order of `tombstoneIds`. */
  readonly requestIds: readonly string[]
}

interface Kind extends ReplayedKind {
  readonly tombstoneIds: string[]
  readonly requestIds: string[]
}

/** Most people of a page come to the same, which is said once; many of them share the very object. */
export class ReplayedKinds {
  private readonly kinds = new Map<string, Kind>()

  /** Where whoever came to this is to be added. */
  kind({ outcome, counts, errorCode }: Pick<Replayed, 'outcome' | 'counts' | 'errorCode'>): Kind {
    const key = JSON.stringify([outcome, errorCode, counts])
    const known = this.kinds.get(key)
    if (known) return known
    const kind: Kind = { outcome, counts, errorCode, tombstoneIds: [], requestIds: [] }
    this.kinds.set(key, kind)
    return kind
  }

  get all(): readonly ReplayedKind[] {
    return [...this.kinds.values()]
  }
}

export function kindsOf(replayed: readonly Replayed[]): readonly ReplayedKind[] {
  const kinds = new ReplayedKinds()
  let before: { readonly of: Replayed; readonly kind: Kind } | undefined
  for (const one of replayed) {
    const { tombstoneId, requestId, outcome, counts, errorCode } = one
    const isSame =
      before?.of.counts === counts && before.of.outcome === outcome && before.of.errorCode === errorCode
    const kind = isSame && before ? before.kind : kinds.kind(one)
    kind.tombstoneIds.push(tombstoneId)
    kind.requestIds.push(requestId)
    before = { of: one, kind }
  }
  return kinds.all
}
