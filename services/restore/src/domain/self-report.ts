/** How the chain that was made again from the topic compares with the head that was kept outside. */
export type ChainProof =
  /** Every record is there, in its order. */
  | 'exact'
  /** Compaction took records that younger ones replace; the latest of every tombstone is there. */
  | 'complete'
  /** Something is missing or was changed, or there is no head to compare with. */
  | 'unproven'

/** A request that the topics speak of and the log does not. Ids only. */
export interface LostRequest {
  readonly requestId: string
  readonly tenantId: string
  /** What the last milestone said; null where none is left. */
  readonly lastStatus: string | null
  readonly held: boolean
  /** When that was, epoch milliseconds. */
  readonly at: number
  /** Systems whose tombstones are back: the person stays absent from those after a restore. */
  readonly tombstones: readonly string[]
  /** Systems that said what they had erased; the certificate that proved it is gone. */
  readonly acknowledged: readonly string[]
  readonly advice: LostAdvice
}
export type LostAdvice = keyof typeof lostAdvice

/** What to do about a lost request. */
export const lostAdvice = {
  decide_hold:
    'It was held: no replay touches this person. Ask for it once more and place the hold on that one.',
  certificate_gone:
    'It was done. Nothing is left to erase; its certificate and events are gone, the acknowledgements stay on their topic for 90 days.',
  nothing_to_do: 'It was refused or cancelled: nothing was to be erased.',
  ask_again: 'It was under way. Ask for it once more: nobody goes on with it.',
} as const

/** @param lost what is known of a request, as `LostRequest` has it */
export function adviceOn({ held, lastStatus }: Pick<LostRequest, 'held' | 'lastStatus'>): LostAdvice {
  if (lastStatus === 'CANCELLED' || lastStatus === 'REFUSED') return 'nothing_to_do'
  if (held) return 'decide_hold'
  return lastStatus === 'COMPLETED' ? 'certificate_gone' : 'ask_again'
}

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
  /** As many of them, each with what is known and what to do. */
  readonly lost: readonly LostRequest[]
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
  lost: [],
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
    `${report.lostRequests} requests are known by their topics only: plans, events and certificates of them are gone. What to do stands beside each; whom they concern is absent or will be replayed meanwhile.`,
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
