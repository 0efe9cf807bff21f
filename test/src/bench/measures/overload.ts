import { Kafka, logLevel } from 'kafkajs'
import type { Ground } from '../pipeline/ground.js'
import { Installation } from '../pipeline/installation.js'
import { openLoop } from '../pipeline/load.js'
import { noopMap, peopleFrom } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import type { Aim, Sample } from '../report/measure.js'
import { NOOP_SYSTEMS } from './throughput-noop.js'

/** Calls per second: less than a small machine can do, about as much, and more than it can. */
const RATES = [100, 200, 400]
const waitsAt = (rate: number) => `What waits and where, when calls come at ${rate} per second`
const busyAt = (rate: number) => `Whose processor time it is at ${rate} calls per second`

/**
 * Open loop at a rate, and a look at every queue the moment the last call was due: the one that grew is what gives way.
 * Everything is let through before the next rate.
 */
export async function overload({ context, sizes, say }: Ground): Promise<Sample[]> {
  const samples: Sample[] = []
  const lethe = await Installation.start(context, {
    dataMap: noopMap(NOOP_SYSTEMS),
    systems: noopSystems(NOOP_SYSTEMS),
  })
  const kafka = new Kafka({ brokers: [...context.at.brokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  let done = 0
  const through = async (rate: number, look: () => Promise<void>) => {
    const count = rate * sizes.openLoopSeconds
    const calls = openLoop(lethe.target, peopleFrom(done + 1, count), rate)
    await new Promise((resolve) => setTimeout(resolve, sizes.openLoopSeconds * 1_000))
    await look()
    await calls
    done += count
    await lethe.completed(done)
  }
  try {
    await through(50, async () => {})
    for (let repetition = 0; repetition < sizes.repetitions; repetition++)
      for (const rate of RATES) {
        const before = lethe.cpu()
        const already = done
        await through(rate, async () => {
          const used = lethe.cpu()
          const called = already + rate * sizes.openLoopSeconds
          const waiting = {
            ...(await inPostgres(lethe, called)),
            ...(await inKafka(admin, lethe.topicPrefix)),
          }
          for (const [subject, value] of Object.entries(waiting))
            samples.push({ measure: waitsAt(rate), subject, unit: 'waiting', value })
          for (const [name, seconds] of Object.entries(used)) {
            const value = (seconds - (before[name] ?? 0)) / sizes.openLoopSeconds
            if (value >= 0.005) samples.push({ measure: busyAt(rate), subject: name, unit: 'cores', value })
          }
          const most = Object.entries(waiting).sort(([, a], [, b]) => b - a)
          const told = most.slice(0, 4).map(([subject, value]) => `${subject} ${value}`)
          say(`${rate} per second: ${told.join('; ')}`)
        })
      }
  } finally {
    await admin.disconnect()
    await lethe.stop()
  }
  return samples
}

/** Calls without an answer, requests before their first command, and messages that are not on their topic. */
async function inPostgres(lethe: Installation, called: number): Promise<Record<string, number>> {
  const { rows } = await lethe.pool.query<{ requests: number; open: number; outbox: number }>(
    `SELECT count(*)::int AS requests, count(*) FILTER (WHERE completed_at IS NULL)::int AS open,
       (SELECT count(*)::int FROM outbox.message) AS outbox
     FROM read_model.requests`,
  )
  const { requests = 0, open = 0, outbox = 0 } = rows[0] ?? {}
  return {
    'calls that are due and not in the log': called - requests,
    'requests not completed': open,
    'outbox rows not confirmed': outbox,
  }
}

/** Messages between a topic's end and what each of this installation's groups has committed. */
async function inKafka(
  admin: ReturnType<Kafka['admin']>,
  topicPrefix: string,
): Promise<Record<string, number>> {
  const { groups } = await admin.listGroups()
  const waiting: Record<string, number> = {}
  for (const { groupId } of groups.filter((group) => group.groupId.startsWith(topicPrefix)))
    for (const { topic, partitions } of await admin.fetchOffsets({ groupId })) {
      const ends = new Map(
        (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, high]),
      )
      const behind = partitions.reduce(
        (sum, { partition, offset }) => sum + Number(ends.get(partition) ?? 0) - Math.max(0, Number(offset)),
        0,
      )
      waiting[`${groupId.slice(topicPrefix.length)} on ${topic.slice(topicPrefix.length)}`] = behind
    }
  return waiting
}

/** Nothing is promised beyond what the machine can do; the figures say what gives way first. */
export const aims = (): Aim[] => []
