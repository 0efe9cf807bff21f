import { type Evidence, historyOf, type Invariant, requestsOfRun } from '../evidence.js'

const ENDED = new Set(['COMPLETED', 'REFUSED', 'CANCELLED', 'ON_HOLD'])
const OPEN = new Set(['FAILED', 'PARTIALLY_COMPLETED', 'AWAITING_APPROVAL', 'AWAITING_IDENTITY'])

/** 3: with the faults over, every request ended or has an owner with a next step. */
export const converged: Invariant = (evidence) => {
  const violations: string[] = []
  const counts = new Map<string, number>()
  for (const { requestId, status, attention } of evidence.requests.values()) {
    counts.set(status, (counts.get(status) ?? 0) + 1)
    const owned = Boolean(attention?.owner && attention.nextStep)
    // Cancelling or refusing may have come too late for a request that waits for its grace period to end.
    const scheduled = status === 'SCHEDULED' && isWaiting(evidence, requestId)
    if (!ENDED.has(status) && !(OPEN.has(status) && owned) && !scheduled)
      violations.push(`${requestId} is ${status}${OPEN.has(status) ? ' and nobody owns it' : ''}`)
  }
  const [end] = historyOf(evidence, 'converged').slice(-1)
  if (!end) violations.push('the run was never seen at rest')
  else if (end.moving > 0)
    violations.push(`${end.moving} requests still moved ${Math.round(end.within / 1000)} s after the faults`)
  if (evidence.outboxPending > 0)
    violations.push(`${evidence.outboxPending} messages never arrived on their topic`)
  const what = [...counts].map(([status, n]) => `${n} ${status}`).join(', ')
  return {
    invariant: 3,
    title: 'Every request ends, or has an owner',
    checked: evidence.requests.size,
    what: end ? `${what}; at rest after ${(end.within / 1000).toFixed(0)} s` : what,
    violations,
  }
}

/** Only those that were asked for with days of grace may wait for it. */
function isWaiting(evidence: Evidence, requestId: string): boolean {
  const received = evidence.log.get(requestId)?.[0]?.data
  return received?.['graceUntil'] !== null && received?.['graceUntil'] !== undefined
}

/** 4: what was answered exists, and one key is one request. */
export const nothingLost: Invariant = (evidence) => {
  const violations: string[] = []
  const found = requestsOfRun(evidence)
  const lives = new Map(historyOf(evidence, 'asked').map((asked) => [asked.n, asked]))
  const rejected = new Set(historyOf(evidence, 'rejected').map(({ n }) => n))
  let repeated = 0
  for (const { n, requestId } of historyOf(evidence, 'accepted')) {
    const ids = found.get(n) ?? new Set()
    if (requestId && !evidence.log.has(requestId))
      violations.push(`request ${n} was accepted as ${requestId}, which is not in the log`)
    if (ids.size === 0)
      violations.push(`request ${n} was accepted as a message, and there is none in the log`)
  }
  for (const [n, ids] of found) {
    if (lives.get(n)?.life === 'repeated') repeated++
    if (ids.size > 1) violations.push(`request ${n} became ${ids.size} requests: ${[...ids].join(', ')}`)
  }
  for (const n of rejected)
    violations.push(`request ${n} was rejected, though nobody had asked for that person before`)
  const keys = new Map<string, string>()
  for (const { digest, requestId } of evidence.idempotency) {
    if (!evidence.log.has(requestId))
      violations.push(`an idempotency key leads to ${requestId}, which is not in the log`)
    const other = keys.get(digest)
    if (other !== undefined && other !== requestId)
      violations.push(`one key leads to ${other} and ${requestId}`)
    keys.set(digest, requestId)
  }
  if (evidence.log.size > keys.size)
    violations.push(`${evidence.log.size} requests are in the log for ${keys.size} keys`)
  const intake = [...lives.values()].filter(({ via }) => via === 'intake').length
  const what = `${found.size} accepted requests (${intake} by message, ${repeated} sent three times at once)`
  return {
    invariant: 4,
    title: 'An accepted request is never lost or doubled',
    checked: found.size,
    what,
    violations,
  }
}
