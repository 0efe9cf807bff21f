import { eventsOf, type Invariant, type LogRow, number, text } from '../evidence.js'

/** Events that the world is told of, one message each. */
const milestones = new Set([
  'RequestReceived',
  'RequestRefused',
  'RequestHeld',
  'RequestReleased',
  'RequestCancelled',
  'RequestLiveErased',
  'RequestCompleted',
  'RequestPartiallyCompleted',
  'RequestFailed',
  'RequestBackupClear',
])

/** 8, on the other side of the outbox: what was committed was told, each milestone by a message of its own. */
export const published: Invariant = (evidence) => {
  const violations: string[] = []
  let messages = 0
  for (const [stream, rows] of evidence.log) {
    const expected = rows.filter(({ type }) => milestones.has(type)).length
    const told = evidence.statusMessages.get(text(rows[0], 'subjectRef')) ?? 0
    messages += told
    if (told < expected)
      violations.push(`${stream} has ${expected} milestones, and ${told} messages of them were published`)
  }
  const what = `${messages} milestones published`
  return { invariant: 8, title: 'What was committed was told', checked: messages, what, violations }
}

/** 14: with its first grant a system has a tombstone, which lives longer than the backups the person may be in. */
export const tombstonesOutlive: Invariant = (evidence) => {
  const violations: string[] = []
  const shown = new Map(evidence.tombstones.map((one) => [one.tombstoneId, one]))
  let looked = 0
  for (const [stream, rows] of evidence.log)
    for (const [systemId, first] of firstGrants(rows)) {
      const keptMs = evidence.keptMs[systemId]
      if (keptMs === undefined) continue
      looked++
      const written = eventsOf(rows, 'TombstoneWritten').filter((row) => text(row, 'systemId') === systemId)
      const [beginning, latest] = [written[0], written.at(-1)]
      if (!beginning || !latest || beginning.version > first.version + 1) {
        violations.push(`${stream}: ${systemId} was granted and has no tombstone`)
        continue
      }
      const id = text(latest, 'tombstoneId')
      const expiresAt = shown.get(id)?.expiresAt
      if (expiresAt !== number(latest, 'expiresAt'))
        violations.push(`${stream}: the tombstone of ${systemId} is not shown as the log has it`)
      if (!evidence.publishedTombstones.has(id))
        violations.push(`${stream}: the tombstone of ${systemId} never reached its topic`)
      const goneAt = lastErased(rows, systemId) ?? number(first, 'at')
      if (number(latest, 'expiresAt') < goneAt + keptMs)
        violations.push(`${stream}: the tombstone of ${systemId} expires before its longest backup`)
    }
  const what = `${looked} systems with a grant, ${evidence.tombstones.length} tombstones shown, ${evidence.publishedTombstones.size} on their topic`
  return { invariant: 14, title: 'Tombstones outlive the longest backup', checked: looked, what, violations }
}

function firstGrants(rows: readonly LogRow[]): Map<string, LogRow> {
  const first = new Map<string, LogRow>()
  for (const row of eventsOf(rows, 'GrantIssued'))
    if (!first.has(text(row, 'systemId'))) first.set(text(row, 'systemId'), row)
  return first
}

function lastErased(rows: readonly LogRow[], systemId: string): number | null {
  const last = eventsOf(rows, 'PassAcknowledged').findLast(
    (row) => text(row, 'systemId') === systemId && text(row, 'outcome') !== 'not_found',
  )
  return last ? number(last, 'finishedAt') : null
}

/** 17, as far as a run of minutes shows it: no address of anybody stands in a log or on a topic. */
export const nothingTold: Invariant = (evidence) => {
  const violations = evidence.searched
    .filter(({ found }) => found > 0)
    .map(({ place, found }) => `${place} has ${found} addresses of customers`)
  const bytes = evidence.searched.reduce((sum, one) => sum + one.bytes, 0)
  const what = `${evidence.searched.length} logs and topics, ${(bytes / 1_000_000).toFixed(1)} MB`
  return { invariant: 17, title: 'Nobody is named outside the stores', checked: bytes, what, violations }
}
