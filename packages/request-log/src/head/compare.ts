import type { Queryable } from '../projections/projection.js'
import { type Head, HeadInvalid, type HeadPlace, readHead } from './head-file.js'

/** Why Lethe's database is not the one it last worked with. */
export const restoredReasons = [
  'head_file_missing',
  'head_file_invalid',
  'no_incarnation',
  'incarnation',
  'beat',
  'identity',
  'chain_behind',
  'chain_diverged',
  'topic_ahead',
] as const
export type RestoredReason = (typeof restoredReasons)[number]

/**
 * `unguarded`: neither the database nor the file has a head yet. `restored`: the database is an older or another one
 * than the head was written for. Nothing may be decided from it then.
 */
export type SelfState =
  | { readonly is: 'ok' }
  | { readonly is: 'unguarded' }
  | { readonly is: 'restored'; readonly reasons: readonly RestoredReason[] }

/** What the database says of itself. */
export interface SelfRow {
  readonly incarnation: string
  readonly beat: string
  readonly suspicion: string | null
}

export interface FoundSelf {
  /** Null before the first beat, and in a backup that is older than it. */
  readonly self: SelfRow | null
  readonly identity: string
  /** Of the head's partitions: how far the chain is, and its hash where the head was; null where there is none. */
  readonly partitions: ReadonlyMap<number, { readonly nextOffset: number; readonly hash: string | null }>
}

/**
 * Pure: what follows from a head and a database. Every reason there is, not just the first.
 *
 * @param later the head as it stood after the database had answered; beats pass while a busy process waits for it
 */
export function compareSelf(
  head: Head | HeadInvalid | null,
  found: FoundSelf,
  later: Head | HeadInvalid | null = null,
): SelfState {
  const { self } = found
  if (head === null) return self === null ? { is: 'unguarded' } : restored(['head_file_missing'])
  if (head instanceof HeadInvalid) return restored(['head_file_invalid'])
  if (self === null && isFirst(head)) return { is: 'unguarded' }
  const reasons: RestoredReason[] = []
  if (self === null) reasons.push('no_incarnation')
  else {
    if (self.incarnation !== head.incarnation) reasons.push('incarnation')
    if (![...beatsOf(head), ...beatsOf(later)].includes(self.beat)) reasons.push('beat')
    if (self.suspicion !== null) reasons.push('topic_ahead')
  }
  if (found.identity !== head.identity) reasons.push('identity')
  for (const { partition, nextOffset, records, hash } of head.partitions) {
    const now = found.partitions.get(partition)
    if ((now?.nextOffset ?? 0) < nextOffset) reasons.push('chain_behind')
    else if (records > 0 && now?.hash !== hash) reasons.push('chain_diverged')
  }
  return reasons.length === 0 ? { is: 'ok' } : restored([...new Set(reasons)])
}

/** The very first beat is in the file before it is in the database: until then the file knows of none it has seen. */
const isFirst = ({ current, previous }: Head): boolean => current === null && previous === null

const beatsOf = (head: Head | HeadInvalid | null): (string | null)[] =>
  head === null || head instanceof HeadInvalid ? [] : [head.previous, head.current, head.pending]

const restored = (reasons: readonly RestoredReason[]): SelfState => ({ is: 'restored', reasons })

/** Which server, timeline and database answers. The timeline is that of what is written now, not of the last checkpoint. */
export const IDENTITY = `SELECT (SELECT system_identifier FROM pg_control_system()) || '/' ||
  CASE WHEN pg_is_in_recovery() THEN 'recovery' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END || '/' ||
  (SELECT oid FROM pg_database WHERE datname = current_database())`

/** An older copy is one at every look; a look that several beats or a self-restore passed through is done again. */
const LOOKS = 3

/** Reads both and compares. Cheap: one statement, by keys. */
export async function lookAtSelf(db: Queryable, place: HeadPlace): Promise<SelfState> {
  for (let look = 1; ; look++) {
    const head = headOrInvalid(place)
    const known = head === null || head instanceof HeadInvalid ? [] : head.partitions
    const found = await findSelf(db, known)
    const state = compareSelf(head, found)
    if (state.is !== 'restored') return state
    const then = compareSelf(head, found, headOrInvalid(place))
    if (then.is !== 'restored' || look === LOOKS) return then
  }
}

export function headOrInvalid(place: HeadPlace): Head | HeadInvalid | null {
  try {
    return readHead(place)
  } catch (error) {
    if (error instanceof HeadInvalid) return error
    throw error
  }
}

export async function findSelf(db: Queryable, of: Head['partitions']): Promise<FoundSelf> {
  const { rows } = await db.query<{
    identity: string
    self: SelfRow | null
    partitions: { partition: number; nextOffset: number; hash: string | null }[] | null
  }>({
    name: 'lethe-self',
    text: `SELECT (${IDENTITY}) AS identity,
        (SELECT jsonb_build_object('incarnation', incarnation, 'beat', beat, 'suspicion', suspicion)
         FROM restore.self) AS self,
        (SELECT jsonb_agg(jsonb_build_object('partition', h.partition, 'nextOffset', h.next_offset, 'hash',
           (SELECT encode(c.hash, 'hex') FROM restore.chain c
            WHERE c.partition = h.partition AND c."offset" < given.next ORDER BY c."offset" DESC LIMIT 1)))
         FROM unnest($1::integer[], $2::bigint[]) AS given (partition, next)
         JOIN restore.chain_heads h USING (partition)) AS partitions`,
    values: [of.map(({ partition }) => partition), of.map(({ nextOffset }) => nextOffset)],
  })
  const row = rows[0]
  if (row === undefined) throw new Error('the database said nothing of itself')
  return {
    self: row.self,
    identity: row.identity,
    partitions: new Map((row.partitions ?? []).map((one) => [one.partition, one])),
  }
}
