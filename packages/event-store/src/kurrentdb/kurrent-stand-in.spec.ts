import { type AppendResult, StreamNotFoundError, WrongExpectedVersionError } from '@eventstore/db-client'
import type { KurrentClient } from './kurrent-event-store.js'

interface Row {
  readonly streamId: string
  readonly type: string
  readonly data: unknown
  readonly revision: bigint
  readonly position: { readonly commit: bigint; readonly prepare: bigint }
}

/** A log in memory that answers as KurrentDB's documentation says; no proof of what a server does. */
export function kurrentStandIn(): KurrentClient {
  const log: Row[] = []
  const of = (name: string) => log.filter(({ streamId }) => streamId === name)
  const text = (data: unknown) => JSON.parse(JSON.stringify(data)) as unknown
  const write = (name: string, events: readonly { type: string; data: unknown }[]) => {
    const commit = BigInt(log.length + 1) * 100n
    for (const [at, { type, data }] of events.entries())
      log.push({
        streamId: name,
        type,
        data: text(data),
        revision: BigInt(of(name).length),
        position: { commit, prepare: commit + BigInt(at) },
      })
  }
  const client = {
    async appendToStream(name: string, events: Row[], { expectedRevision }: { expectedRevision: unknown }) {
      const head = of(name).at(-1)?.revision ?? 'no_stream'
      if (head !== expectedRevision)
        throw new WrongExpectedVersionError(undefined, {
          streamName: name,
          expected: expectedRevision as bigint,
          current: head as bigint,
        })
      write(name, [events].flat())
      return { success: true } as AppendResult
    },
    async *readStream(
      name: string,
      options: { direction?: string; fromRevision?: bigint | 'end'; maxCount?: number } = {},
    ) {
      const rows = of(name)
      if (rows.length === 0) throw new StreamNotFoundError(undefined, name)
      const { direction, fromRevision = 0n, maxCount = Number.MAX_SAFE_INTEGER } = options
      const wanted =
        direction === 'backwards'
          ? rows.toReversed()
          : rows.filter(({ revision }) => fromRevision !== 'end' && revision >= fromRevision)
      for (const event of wanted.slice(0, maxCount)) yield { event: { ...event, data: text(event.data) } }
    },
    async *readAll({ fromPosition, maxCount }: { fromPosition?: Row['position']; maxCount: number }) {
      const from = fromPosition
      const wanted = log.filter(
        ({ position }) =>
          !from ||
          position.commit > from.commit ||
          (position.commit === from.commit && position.prepare >= from.prepare),
      )
      for (const event of wanted.slice(0, maxCount)) yield { event }
    },
    async setStreamMetadata(name: string, metadata: unknown) {
      write(`$$${name}`, [{ type: '$metadata', data: metadata }])
      return { success: true } as AppendResult
    },
    async dispose() {},
  }
  return client as unknown as KurrentClient
}
