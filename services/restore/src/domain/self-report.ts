/** How the chain that was made again from the topic compares with the head that was kept outside. */
export type ChainProof =
  /** Every record is there, in its order. */
  | 'exact'
  /** Compaction took records that younger ones replace; the latest of every tombstone is there. */
  | 'complete'
  /** Something is missing or was changed, or there is no head to compare with. */
  | 'unproven'

/** What a self-restore found, put back, and could not. Names nobody. */
export interface SelfReport {
  readonly proof: ChainProof
  /** Records on the topic of tombstones; those nobody can read, of the milestones as well: one may be a hold. */
  readonly records: number
  readonly unreadable: number
  /** Live tombstones this database did not have, or had older. */
  readonly recovered: number
  /** Of those, people under a hold, and those without selectors: no replay can erase them. */
  readonly recoveredHeld: number
  readonly recoveredUnsealed: number
  /** Requests the topics speak of and the log does not; the first of them by id. */
  readonly lostRequests: number
  readonly lostIds: readonly string[]
  /** Acknowledgements of those, and acknowledgements the aggregator will fold again. */
  readonly lostAcknowledgements: number
  readonly refolded: number
  /** Requests held anew: somebody held, cancelled or refused them after the backup. */
  readonly heldAgain: number
  /** What is not back, and what to do about it. */
  readonly notRebuilt: readonly string[]
  /** Somebody has to accept it before anything is decided again. */
  readonly needsAccept: boolean
  readonly acceptedBy: string | null
  readonly incarnation: string | null
  /** Why it ended before its end; it can be run again. */
  readonly failed: string | null
}

export interface SelfRestoreRow {
  readonly selfId: string
  /** Epoch milliseconds. */
  readonly beganAt: number
  readonly finishedAt: number | null
  readonly by: string
  readonly reasons: readonly string[]
  readonly report: SelfReport | null
}

export const emptyReport: SelfReport = {
  proof: 'unproven',
  records: 0,
  unreadable: 0,
  recovered: 0,
  recoveredHeld: 0,
  recoveredUnsealed: 0,
  lostRequests: 0,
  lostIds: [],
  lostAcknowledgements: 0,
  refolded: 0,
  heldAgain: 0,
  notRebuilt: [],
  needsAccept: false,
  acceptedBy: null,
  incarnation: null,
  failed: null,
}

/** What a person must know before they accept, from the counts. */
export function notRebuilt(report: SelfReport): string[] {
  const lines: string[] = []
  const add = (when: boolean, line: string) => {
    if (when) lines.push(line)
  }
  add(
    report.lostRequests > 0,
    `${report.lostRequests} requests are known by their topics only: plans, events and certificates of them are gone. Ask for each once more; whom they concern is absent or will be replayed meanwhile.`,
  )
  add(
    report.lostAcknowledgements > 0,
    `${report.lostAcknowledgements} acknowledgements belong to those requests and will be dead letters of the aggregator.`,
  )
  add(
    report.recoveredHeld > 0,
    `${report.recoveredHeld} tombstones were held. Their holds are of requests that are gone: no replay touches these people until a person decides.`,
  )
  add(
    report.recoveredUnsealed > 0,
    `${report.recoveredUnsealed} tombstones have no selectors on the topic; a replay that meets them waits for a person.`,
  )
  add(report.unreadable > 0, `${report.unreadable} records of the topics can't be read and count as missing.`)
  lines.push(
    'What was accepted, approved or decided after the backup and never reached a topic is gone, requests made over HTTP included.',
  )
  return lines
}
