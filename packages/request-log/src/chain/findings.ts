/** What is not as it was recorded, and where. */
export interface ChainFinding {
  readonly code: /** A record's hash is not what follows from the one before and its fields: changed, dropped or moved. */
    | 'link_broken'
    /** The last records the head in the database, or outside it, or a checkpoint speaks of are not there. */
    | 'truncated'
    /** The head or a checkpoint says another hash, number or sum than the records. */
    | 'head_differs'
    /** A checkpoint was not signed by us, or is not of this place. */
    | 'checkpoint_forged'
    | 'checkpoint_missing'
    /** The projection has another tombstone than the topic had. */
    | 'tombstone_changed'
    | 'tombstone_missing'
    /** The projection has one the topic never had, although nothing waits to be published. */
    | 'tombstone_unpublished'
  readonly partition: number | null
  readonly offset: number | null
  readonly tombstoneId: string | null
}

export interface ChainReport {
  readonly records: number
  readonly tombstones: number
  readonly findings: readonly ChainFinding[]
  /** In all; only the first hundred are listed. */
  readonly total: number
}

/** So many are listed; all are counted. */
export const LISTED = 100

export class Findings {
  readonly listed: ChainFinding[] = []
  total = 0

  add(code: ChainFinding['code'], where: Partial<ChainFinding> = {}): void {
    this.total += 1
    if (this.listed.length < LISTED)
      this.listed.push({ code, partition: null, offset: null, tombstoneId: null, ...where })
  }
}
