import type { Identifier, ProbeFinding, ProbeSession, Subject } from '@lethe/eraser-kit'
import { PausedError } from '@lethe/service-host'
import type { ReviewStore, Undated } from '../adapters/review-store.js'
import { undatedBy, withoutUndated } from '../domain/review.js'
import type { Readable } from './applying.js'
import type { WatchedSystem } from './watched-system.js'

/** By tombstone, of those somebody was asked about: how passes treat undated records. Of the others they are left. */
export type UndatedModes = ReadonlyMap<string, 'leave' | 'take'>

const TAKEN_ALONG: ReadonlySet<string> = new Set(['email', 'phone'])

/** Somebody without the identifiers that whoever comes back has as well. */
export function withoutTakenAlong(subject: Subject, canonical: Identifier['type']): Subject {
  const identifiers = subject.identifiers.filter(({ type }) => type === canonical || !TAKEN_ALONG.has(type))
  return { ...subject, identifiers }
}

/** What was decided about each of these people. */
export async function modesOf(
  reviews: ReviewStore,
  systemId: string,
  people: readonly Pick<Readable, 'tombstoneId'>[],
): Promise<UndatedModes> {
  if (people.length === 0) return new Map()
  const known = await reviews.of(systemId, () => people.map(({ tombstoneId }) => tombstoneId))
  return new Map([...known].map(([tombstoneId, review]) => [tombstoneId, undatedBy(review)]))
}

/** One person looked for: what is certainly theirs, and what may be somebody's who came back. */
export interface Sighted {
  readonly tombstone: Readable
  /** Without what is undated, save where somebody decided that it goes. */
  readonly finding: ProbeFinding
  readonly undated: Readonly<Record<string, number>>
}

/** Looks for people, `system.bulkMax` at a time. @throws PausedError when the probe leaves somebody out */
export async function sight(
  system: WatchedSystem,
  people: readonly Readable[],
  modes: UndatedModes,
  signal: AbortSignal,
  session: ProbeSession,
): Promise<Sighted[]> {
  if (people.length === 0) return []
  const all: Sighted[] = []
  for (let from = 0; from < people.length; from += system.bulkMax) {
    signal.throwIfAborted()
    const some = people.slice(from, from + system.bulkMax)
    const findings = await dated(system, session, some)
    for (const [index, tombstone] of some.entries()) {
      const finding = findings[index] as ProbeFinding
      const { undated = none } = finding
      const stays = undated !== none && modes.get(tombstone.tombstoneId) !== 'take'
      all.push({ tombstone, finding: stays ? withoutUndated(finding) : finding, undated })
    }
  }
  return all
}

const none: Readonly<Record<string, number>> = {}

/** Findings that say what of them is undated, also of a kind that does not know: then it is what only an e-mail finds. */
async function dated(
  system: WatchedSystem,
  session: ProbeSession,
  people: readonly Readable[],
): Promise<ProbeFinding[]> {
  const findings = await asked(
    session,
    people.map(({ subject }) => subject),
  )
  if (system.tellsUndated) return findings
  const canonical = await system.canonical()
  const unclear = people.flatMap(({ subject }, at) => {
    const rest = withoutTakenAlong(subject, canonical)
    const fewer = rest.identifiers.length < subject.identifiers.length
    return findings[at]?.result === 'residual' && fewer ? [{ at, rest }] : []
  })
  const known = unclear.filter(({ rest }) => rest.identifiers.length > 0)
  const certain = await asked(
    session,
    known.map(({ rest }) => rest),
  )
  const result = [...findings]
  for (const { at } of unclear) {
    const finding = findings[at] as ProbeFinding
    const sure = certain[known.findIndex((one) => one.at === at)]
    if (sure?.result === 'inconclusive') continue
    const undated = Object.fromEntries(
      Object.entries(finding.residual).flatMap(([place, matches]) => {
        const more = matches - (sure?.residual[place] ?? 0)
        return more > 0 ? [[place, more]] : []
      }),
    )
    if (Object.keys(undated).length > 0) result[at] = { ...finding, undated }
  }
  return result
}

async function asked(session: ProbeSession, subjects: readonly Subject[]): Promise<ProbeFinding[]> {
  if (subjects.length === 0) return []
  const findings = await session.probe(subjects)
  if (findings.length !== subjects.length)
    throw new PausedError('probe_incomplete', 'The probe did not answer for everybody.')
  return findings
}

interface Where {
  readonly systemId: string
  readonly restoreId: string
}

const isUndated = ({ undated }: Sighted): boolean =>
  undated !== none && Object.values(undated).some((matches) => matches > 0)

/** What of this a person has to decide about. */
export const undatedOf = (sights: readonly Sighted[]): Undated[] =>
  sights.filter(isUndated).map(({ tombstone: { tombstoneId, requestId }, undated }) => ({
    tombstoneId,
    requestId,
    found: undated,
  }))

/**
 * Of the store in use: lists what a person has to decide, notes which decisions are carried out, and asks no more about
 * what is gone.
 */
export async function listUndated(
  reviews: ReviewStore,
  { systemId, restoreId }: Where,
  sights: readonly Sighted[],
  modes: UndatedModes,
  now: number,
): Promise<void> {
  await reviews.note(systemId, restoreId, undatedOf(sights), now)
  if (modes.size === 0) return
  const clear = sights.filter((one) => one.finding.result !== 'inconclusive' && !isUndated(one))
  const ids = clear.flatMap(({ tombstone: { tombstoneId } }) => (modes.has(tombstoneId) ? [tombstoneId] : []))
  await reviews.done(systemId, ids, now)
  await reviews.gone(systemId, ids)
}
