import { historyOf, type Invariant } from '../evidence.js'

const erasers = ['eraser.shop-pg', 'eraser.cache', 'eraser.search']
const probes = ['probe.shop-pg', 'probe.cache', 'probe.search']
/** Who reads which topic, as the services' READMEs say. */
const readers: Readonly<Record<string, readonly string[]>> = {
  'erasure.intake': ['request.intake'],
  'erasure.requested': [...erasers, 'request.outbox'],
  'erasure.probe.requested': [...probes, 'request.outbox'],
  'erasure.acknowledged': ['aggregator'],
  'erasure.status': ['request.outbox'],
  'erasure.tombstones': ['request.outbox', 'restore.chain'],
  'restore.announced': ['restore'],
}

/** 9: every reader of a poisoned record put it aside, said so, and went on. */
export const poisonQuarantined: Invariant = (evidence) => {
  const violations: string[] = []
  const put = new Set(
    evidence.deadLetters.map(
      ({ group, topic, partition, offset }) => `${group} ${topic}/${partition}/${offset}`,
    ),
  )
  const planted = new Set<string>()
  const poisons = historyOf(evidence, 'poison')
  let expected = 0
  for (const { topic, partition, offset, form } of poisons) {
    planted.add(`${topic}/${partition}/${offset}`)
    for (const group of readers[topic] ?? []) {
      expected++
      if (!put.has(`${group} ${topic}/${partition}/${offset}`))
        violations.push(`${group} did not put aside ${topic}/${partition}/${offset} (${form})`)
    }
  }
  for (const { group, topic, partition, offset, code } of evidence.deadLetters)
    if (!planted.has(`${topic}/${partition}/${offset}`))
      violations.push(`${group} put aside ${topic}/${partition}/${offset} (${code}), which nobody poisoned`)
  if (poisons.length > 0 && historyOf(evidence, 'alarm').length === 0)
    violations.push('no service counted a dead letter in its metrics')
  const topics = new Set(poisons.map(({ topic }) => topic))
  return {
    invariant: 9,
    title: 'Poison is put aside, and others go on',
    checked: expected,
    what: `${poisons.length} poisoned records on ${topics.size} topics, ${expected} readers of them, ${evidence.deadLetters.length} dead letters`,
    violations,
    ...(poisons.length === 0 ? { skipped: 'no poison was planned in this run' } : {}),
  }
}

/** 11: everybody who was not asked for is as before, byte for byte. */
export const othersUntouched: Invariant = (evidence) => {
  const looks = historyOf(evidence, 'others')
  const before = looks.find(({ moment }) => moment === 'before')
  const after = looks.findLast(({ moment }) => moment === 'after')
  const violations: string[] = []
  if (!before || !after) violations.push('the others were not looked at before and after')
  else if (before.digest !== after.digest)
    violations.push(
      `records of people who were not asked for changed (${before.records} before, ${after.records} after)`,
    )
  // Whoever was never granted has to have everything still.
  let refused = 0
  const shares = Object.values(evidence.trueCounts).reduce((sum, one) => sum + one.erased + one.redacted, 0)
  const customers = new Map(historyOf(evidence, 'asked').map(({ n, customer }) => [n, customer]))
  for (const { n, requestId } of historyOf(evidence, 'accepted')) {
    const request = requestId === null ? undefined : evidence.requests.get(requestId)
    if (!request || request.firstGrantAt !== null) continue
    const customer = customers.get(n)
    const left = Object.values(evidence.left.get(customer ?? -1) ?? {}).reduce((sum, one) => sum + one, 0)
    refused++
    if (left !== shares)
      violations.push(`${requestId} never got a grant, and ${left} of ${shares} records are left`)
  }
  return {
    invariant: 11,
    title: 'Nobody else is touched',
    checked: (before?.records ?? 0) + refused,
    what: `${before?.records ?? 0} records of others by one digest; ${refused} people whose requests never got a grant`,
    violations,
  }
}

/** What a process may have in memory at most, with a load of this size. */
const LIMIT_KILOBYTES = 420_000
const LONG_MS = 240_000
const GROWTH = 1.5
const SLACK_KILOBYTES = 60_000

/** 19: no process is beyond its bound, and none that lived long kept growing. */
export const memoryBounded: Invariant = (evidence) => {
  const violations: string[] = []
  const samples = historyOf(evidence, 'memory')
  let largest = 0
  const lives = new Map<string, typeof samples>()
  for (const sample of samples) {
    largest = Math.max(largest, sample.kilobytes)
    const life = `${sample.name} (pid ${sample.pid})`
    lives.set(life, [...(lives.get(life) ?? []), sample])
  }
  for (const [life, own] of lives) {
    const most = Math.max(...own.map(({ kilobytes }) => kilobytes))
    if (most > LIMIT_KILOBYTES) violations.push(`${life} had ${Math.round(most / 1000)} MB`)
    const [first, last] = [own[0], own.at(-1)]
    if (!first || !last || last.at - first.at < LONG_MS) continue
    const third = Math.floor(own.length / 3)
    const middle = median(own.slice(third, 2 * third))
    const late = median(own.slice(-third))
    if (late > middle * GROWTH + SLACK_KILOBYTES)
      violations.push(`${life} grew from ${Math.round(middle / 1000)} to ${Math.round(late / 1000)} MB`)
  }
  const what = `${samples.length} samples of ${lives.size} processes, largest ${Math.round(largest / 1000)} MB`
  return { invariant: 19, title: 'Memory is bounded', checked: samples.length, what, violations }
}

function median(samples: readonly { kilobytes: number }[]): number {
  const sorted = samples.map(({ kilobytes }) => kilobytes).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** 20: what is reported is at least what Kafka itself says; where it can not be known, it is said to be unknown. */
export const lagNotBelow: Invariant = (evidence) => {
  const violations: string[] = []
  const samples = historyOf(evidence, 'lag')
  let compared = 0
  let away = 0
  for (const { name, group, topic, partition, reported, saidUnknown, atLeast, brokerDown } of samples) {
    const where = `${name}: ${group} in ${topic}/${partition}`
    if (reported !== null && saidUnknown)
      violations.push(`${where} is reported as ${reported} and as unknown`)
    if (reported === null && !saidUnknown)
      violations.push(`${where} is not reported, and not said to be unknown`)
    if (brokerDown) {
      away++
      if (reported !== null) violations.push(`${where} was reported as ${reported} while the broker was down`)
    } else if (reported !== null && atLeast !== null) {
      compared++
      if (reported < atLeast)
        violations.push(`${where} was reported as ${reported}, and is at least ${atLeast}`)
    }
  }
  const behind = samples.filter(({ atLeast }) => (atLeast ?? 0) > 0).length
  const what = `${compared} comparisons with Kafka's own offsets, ${behind} with a true lag; ${away} while the broker was down`
  return { invariant: 20, title: 'Reported lag is never too low', checked: compared + away, what, violations }
}
