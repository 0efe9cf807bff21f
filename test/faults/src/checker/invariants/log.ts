import { type Evidence, eventsOf, type Invariant, text } from '../evidence.js'
import { type Folded, fold } from '../fold.js'

/** A status the checker's fold does not tell apart. */
const coarse = (status: string): string => (status === 'AWAITING_VERIFICATION' ? 'IN_PROGRESS' : status)

/** 5: what is shown is what the log says, at its end and at every snapshot. */
export const foldIsState: Invariant = (evidence) => {
  const violations: string[] = []
  for (const [stream, rows] of evidence.log) {
    const shown = evidence.requests.get(stream)
    if (!shown) {
      violations.push(`${stream} is in the log and not in the read model`)
      continue
    }
    const folded = fold(rows)
    if (coarse(shown.status) !== folded.status)
      violations.push(`${stream} is shown as ${shown.status}, and the log says ${folded.status}`)
    for (const field of ['firstGrantAt', 'liveErasedAt', 'completedAt'] as const satisfies (keyof Folded)[])
      if (shown[field] !== folded[field])
        violations.push(`${stream}: ${field} is shown as ${shown[field]}, and the log says ${folded[field]}`)
    if (shown.intakeHolds !== folded.holds)
      violations.push(`${stream} is shown with ${shown.intakeHolds} holds, and the log says ${folded.holds}`)
  }
  for (const { stream, version, state } of evidence.snapshots) {
    const prefix = (evidence.log.get(stream) ?? []).slice(0, version)
    const folded = fold(prefix)
    if (prefix.length !== version)
      violations.push(`the snapshot of ${stream} is at ${version}, beyond its log`)
    else if (coarse(String(state['status'])) !== folded.status || state['completedAt'] !== folded.completedAt)
      violations.push(`the snapshot of ${stream} at ${version} is not what the log says`)
  }
  for (const stream of evidence.requests.keys())
    if (!evidence.log.has(stream)) violations.push(`${stream} is in the read model and not in the log`)
  const rebuilt = evidence.history.filter((entry) => entry.type === 'rebuild').at(-1)
  if (rebuilt?.type === 'rebuild' && rebuilt.differences !== null && rebuilt.differences > 0)
    violations.push(`a rebuild differs in ${rebuilt.differences} places`)
  const byte =
    rebuilt?.type === 'rebuild' && rebuilt.differences !== null ? '; a rebuild was compared byte by byte' : ''
  const what = `${evidence.log.size} streams folded anew, ${evidence.snapshots.length} snapshots${byte}`
  return { invariant: 5, title: 'The log is the state', checked: evidence.log.size, what, violations }
}

/** 6: duplicates on the topic leave one trace, and nothing late un-completes. */
export const duplicatesIgnored: Invariant = (evidence) => {
  const violations: string[] = []
  let acknowledgements = 0
  let late = 0
  for (const [stream, rows] of evidence.log) {
    const ids = rows.flatMap((row) =>
      row.type === 'PassAcknowledged'
        ? [text(row, 'ackId')]
        : row.type === 'ProbeReported'
          ? [text(row, 'reportId')]
          : [],
    )
    acknowledgements += ids.length
    const twice = ids.find((id, at) => ids.indexOf(id) !== at)
    if (twice !== undefined) violations.push(`${stream} has ${twice} twice`)
    const end = rows.find((row) => row.type === 'RequestCompleted')
    if (!end) continue
    const after = rows.slice(end.version)
    late += after.length
    if (evidence.requests.get(stream)?.status !== 'COMPLETED')
      violations.push(`${stream} was completed and is not any more`)
    if (
      after.some(
        ({ type }) => type === 'RequestCompleted' || type === 'PassRequested' || type === 'GrantIssued',
      )
    )
      violations.push(`${stream} went on erasing after it was completed`)
  }
  const seen = new Map<string, number>()
  for (const { id } of evidence.acknowledged) seen.set(id, (seen.get(id) ?? 0) + 1)
  const twice = [...seen.values()].filter((n) => n > 1).length
  const what = `${acknowledgements} recorded of ${evidence.acknowledged.length} messages, ${twice} of them came twice; ${late} events after a completion`
  return {
    invariant: 6,
    title: 'Duplicates and lateness change nothing',
    checked: acknowledgements,
    what,
    violations,
  }
}

/** 7: versions without gaps, up to what the head says. */
export const noGaps: Invariant = (evidence) => {
  const violations: string[] = []
  let events = 0
  for (const [stream, rows] of evidence.log) {
    events += rows.length
    const gap = rows.findIndex((row, at) => row.version !== at + 1)
    if (gap >= 0) violations.push(`${stream} has version ${rows[gap]?.version} where ${gap + 1} belongs`)
    if (evidence.heads.get(stream) !== rows.length)
      violations.push(`${stream} has ${rows.length} events, and its head says ${evidence.heads.get(stream)}`)
    const received = eventsOf(rows, 'RequestReceived')
    if (received.length !== 1 || received[0]?.version !== 1)
      violations.push(`${stream} does not begin once, at its beginning`)
    const grants = eventsOf(rows, 'GrantIssued').map((row) => text(row, 'grantId'))
    if (new Set(grants).size !== grants.length)
      violations.push(`${stream} issued one grant twice: two writers won`)
  }
  for (const stream of evidence.heads.keys())
    if (!evidence.log.has(stream)) violations.push(`${stream} has a head and no events`)
  const what = `${events} events in ${evidence.log.size} streams, written by ${evidence.log.size > 0 ? 'request and two aggregators' : 'nobody'}`
  return { invariant: 7, title: 'Streams have no gaps', checked: evidence.log.size, what, violations }
}

/** 8: the read model is at the stream's version, and below the offset everything was folded. */
export const committedTogether: Invariant = (evidence) => {
  const violations: string[] = []
  for (const [stream, version] of evidence.heads) {
    const shown = evidence.requests.get(stream)?.version
    if (shown !== version) violations.push(`${stream} is at ${version}, and its read model at ${shown}`)
  }
  const dead = deadAcknowledgements(evidence)
  let below = 0
  for (const { partition, offset, id } of evidence.acknowledged) {
    const folded = Number(offset) < (evidence.folded.get(partition) ?? 0)
    if (!folded) continue
    below++
    if (!evidence.inbox.has(id) && !dead.has(`${partition}/${offset}`))
      violations.push(`acknowledgement ${id} is below the offset and was not folded`)
  }
  for (const [partition, end] of evidence.acknowledgedEnds) {
    const next = evidence.folded.get(partition) ?? 0
    if (next > end) violations.push(`partition ${partition} is folded to ${next}, beyond its end ${end}`)
  }
  const what = `${evidence.heads.size} read models, ${below} acknowledgements below the offsets of ${evidence.folded.size} partitions`
  return {
    invariant: 8,
    title: 'Read models and position commit together',
    checked: evidence.heads.size + below,
    what,
    violations,
  }
}

const deadAcknowledgements = ({ deadLetters }: Evidence): Set<string> =>
  new Set(
    deadLetters
      .filter(({ topic, group }) => topic === 'erasure.acknowledged' && group === 'aggregator')
      .map(({ partition, offset }) => `${partition}/${offset}`),
  )
