import { type Evidence, eventsOf, historyOf, type Invariant, type LogRow, number, text } from '../evidence.js'
import { isDone } from '../fold.js'

interface PlanStep {
  readonly stepId: string
  readonly systemId: string
}

const completedStreams = ({ log }: Evidence): [string, readonly LogRow[]][] =>
  [...log].filter(([, rows]) => rows.some((row) => row.type === 'RequestCompleted'))

/** 1: every step of the frozen plan acknowledged under a grant, every system then probed clean. */
export const verified: Invariant = (evidence) => {
  const violations: string[] = []
  const completed = completedStreams(evidence)
  let steps = 0
  for (const [stream, rows] of completed) {
    const end = rows.findIndex((row) => row.type === 'RequestCompleted')
    const before = rows.slice(0, end)
    const plan = eventsOf(before, 'PlanFrozen').at(-1)?.data
    const planned = (plan?.['steps'] ?? []) as PlanStep[]
    if (planned.length === 0) violations.push(`${stream} is COMPLETED without a plan`)
    for (const { stepId, systemId } of planned) {
      steps++
      const acknowledged = eventsOf(before, 'PassAcknowledged').filter(
        (row) => text(row, 'stepId') === stepId && isDone(row),
      )
      const granted = acknowledged.find((row) => isGranted(before, row))
      if (!granted) {
        violations.push(`${stream} is COMPLETED, and ${stepId} has no acknowledgement under a grant`)
        continue
      }
      const own = (row: LogRow) => text(row, 'systemId') === systemId
      const last = Math.max(
        ...eventsOf(before, 'PassRequested')
          .filter(own)
          .map(({ version }) => version),
      )
      const clean = eventsOf(before, 'ProbeReported').some(
        (row) => own(row) && row.data['result'] === 'clean' && row.version > last,
      )
      if (!clean)
        violations.push(`${stream} is COMPLETED, and ${systemId} was not probed clean since its last pass`)
    }
  }
  const what = `${completed.length} completed requests, ${steps} steps of their plans`
  return { invariant: 1, title: 'COMPLETED means acknowledged and probed', checked: steps, what, violations }
}

function isGranted(rows: readonly LogRow[], ack: LogRow): boolean {
  return eventsOf(rows, 'GrantIssued').some(
    (grant) =>
      text(grant, 'grantId') === text(ack, 'grantId') &&
      text(grant, 'passId') === text(ack, 'passId') &&
      grant.version < ack.version,
  )
}

/** 2: an independent look at every store finds nothing of who was erased. */
export const nothingLeft: Invariant = (evidence) => {
  const violations: string[] = []
  const people = peopleOf(evidence, 'COMPLETED')
  for (const [customer, requestId] of people)
    for (const [place, count] of Object.entries(evidence.left.get(customer) ?? { unknown: 1 }))
      if (count > 0)
        violations.push(`${requestId} is COMPLETED, and ${place} still has ${count} of its records`)
  const what = `${people.size} people looked for in three stores by SQL, SCAN and search`
  return {
    invariant: 2,
    title: 'COMPLETED means that nothing is left',
    checked: people.size,
    what,
    violations,
  }
}

/** Customers by the request that speaks of them, of requests in one status. */
export function peopleOf(evidence: Evidence, status: string): Map<number, string> {
  const customers = new Map(historyOf(evidence, 'asked').map(({ n, customer }) => [n, customer]))
  const streams = new Map<string, string>()
  for (const [stream, rows] of evidence.log) {
    const key = rows[0]?.data['intakeKey']
    if (typeof key === 'string') streams.set(key, stream)
  }
  const people = new Map<number, string>()
  for (const { n, requestId, intakeKey } of historyOf(evidence, 'accepted')) {
    const id = requestId ?? streams.get(intakeKey ?? '')
    const customer = customers.get(n)
    if (id !== undefined && customer !== undefined && evidence.requests.get(id)?.status === status)
      people.set(customer, id)
  }
  return people
}

/** 10: whatever crashed, the counts over all passes are those of one complete erasure. */
export const trueCounts: Invariant = (evidence) => {
  const violations: string[] = []
  const completed = completedStreams(evidence)
  let passes = 0
  for (const [stream, rows] of completed) {
    const totals = new Map<string, { erased: number; redacted: number }>()
    // Of one pass the acknowledgement counts that says what was done; a failure may have come before it.
    const best = new Map<string, LogRow>()
    for (const row of eventsOf(rows, 'PassAcknowledged')) {
      const known = best.get(text(row, 'passId'))
      if (!known || (!isDone(known) && isDone(row))) best.set(text(row, 'passId'), row)
    }
    for (const row of best.values()) {
      passes++
      const counts = Object.values(row.data['counts'] as Record<string, { erased: number; redacted: number }>)
      const total = totals.get(text(row, 'systemId')) ?? { erased: 0, redacted: 0 }
      for (const { erased, redacted } of counts) {
        total.erased += erased
        total.redacted += redacted
      }
      totals.set(text(row, 'systemId'), total)
    }
    for (const [systemId, expected] of Object.entries(evidence.trueCounts)) {
      const { erased, redacted } = totals.get(systemId) ?? { erased: 0, redacted: 0 }
      if (erased !== expected.erased || redacted !== expected.redacted)
        violations.push(
          `${stream}: ${systemId} says ${erased} erased and ${redacted} redacted, true are ${expected.erased} and ${expected.redacted}`,
        )
    }
  }
  const what = `${passes} acknowledged passes of ${completed.length} completed requests`
  return { invariant: 10, title: 'A rerun repeats the true counts', checked: passes, what, violations }
}

/** 12: between a hold's effective time and its release nothing of the person goes. */
export const holdsHold: Invariant = (evidence) => {
  const violations: string[] = []
  const watched = historyOf(evidence, 'watched')
  let looks = 0
  for (const { requestId, seen } of watched.filter(({ moment }) => moment === 'effective')) {
    const last = watched.find((other) => other.requestId === requestId && other.moment === 'last')
    if (!last) continue
    looks++
    for (const place of Object.keys(seen) as (keyof typeof seen)[])
      if (last.seen[place] !== seen[place])
        violations.push(
          `${requestId} was held, and ${place} went from ${seen[place]} to ${last.seen[place]} records`,
        )
  }
  let held = 0
  for (const [stream, rows] of evidence.log)
    for (const hold of eventsOf(rows, 'RequestHeld')) {
      held++
      const id = text(hold, 'holdId')
      const release = eventsOf(rows, 'RequestReleased').find((row) => text(row, 'holdId') === id)
      const until = release ? number(release, 'at') : Number.POSITIVE_INFINITY
      for (const grant of eventsOf(rows, 'GrantIssued'))
        if (grant.version > hold.version && grant.version < (release?.version ?? Number.POSITIVE_INFINITY))
          violations.push(`${stream}: a grant was issued while it was held`)
      for (const { requestId, passId, writtenAt } of evidence.receipts)
        if (requestId === stream && writtenAt > number(hold, 'effectiveAt') && writtenAt < until)
          violations.push(
            `${stream}: ${passId} was committed ${writtenAt - number(hold, 'effectiveAt')} ms after the hold took effect`,
          )
    }
  const what = `${held} holds in the log, ${looks} people counted at the beginning and the end of theirs`
  return {
    invariant: 12,
    title: 'A hold holds from its effective time',
    checked: held,
    what,
    violations,
    ...(held === 0 ? { skipped: 'nobody was held in this run' } : {}),
  }
}
