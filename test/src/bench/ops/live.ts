import { MessageCodec, readTopic } from '@lethe/messaging'
import type { Installation } from '../pipeline/installation.js'
import { openLoop } from '../pipeline/load.js'
import { peopleFrom } from '../pipeline/people.js'
import type { Sample } from '../report/measure.js'
import { Listener } from './listener.js'
import { quantiles } from './reads.js'

export const LIVE = 'From an acknowledgement on the topic to its change'
export const STREAM = 'on the stream'

/** When each acknowledgement was written to the topic, epoch milliseconds; of each request in their order. */
export async function acknowledged(
  lethe: Installation,
  ids: ReadonlySet<string>,
): Promise<Map<string, number[]>> {
  const { at } = lethe.context
  const kafka = { brokers: at.brokers, clientId: 'lethe-bench', topicPrefix: lethe.topicPrefix }
  const codec = await MessageCodec.connect(at.registryUrl, { register: false })
  const found = new Map<string, number[]>()
  await readTopic(kafka, codec, 'erasure.acknowledged', async (_partition, page) => {
    for (const { type, value, timestamp } of page) {
      const { requestId } = value as { requestId?: string }
      if (type !== 'ErasureAcknowledged' || requestId === undefined || !ids.has(requestId)) continue
      found.set(requestId, [...(found.get(requestId) ?? []), timestamp])
    }
  })
  for (const times of found.values()) times.sort((a, b) => a - b)
  return found
}

/** Requests at a steady pace, and a console that is told of each acknowledgement. */
export async function toTheStream(lethe: Installation, from: number, count: number): Promise<Sample[]> {
  const { url, token } = lethe.ops
  const told = new Map<string, number[]>()
  const listener = await Listener.open(url, token, ({ requestId, type }, at) => {
    if (type === 'PassAcknowledged') told.set(requestId, [...(told.get(requestId) ?? []), at])
  })
  try {
    const accepts = await openLoop(lethe.target, peopleFrom(from, count), 5)
    await lethe.unfinished(
      accepts.map(({ requestId }) => requestId),
      0,
    )
    const written = await acknowledged(lethe, new Set(accepts.map(({ requestId }) => requestId)))
    const waits: number[] = []
    for (const [requestId, times] of written) {
      const seen = told.get(requestId) ?? []
      if (seen.length !== times.length)
        throw new Error(`${requestId}: ${times.length} acknowledgements, ${seen.length} told`)
      times.forEach((at, index) => {
        waits.push((seen[index] as number) - at)
      })
    }
    return quantiles(LIVE, STREAM, waits)
  } finally {
    listener.close()
  }
}
