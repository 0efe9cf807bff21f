import type { TopicName, wire } from '@lethe/schemas'
import type { Incoming } from './incoming.js'
import { type KafkaHarness, requested, until } from './kafka-harness.spec.js'

export const TOPIC = 'erasure.requested' satisfies TopicName
export const id = ({ value }: Incoming<wire.ErasureRequested>) => value.requestId

/** Each test gets messages of its own; what other tests of the file sent is filtered out by header. */
export class Runs {
  private count = 0

  constructor(private readonly world: KafkaHarness) {}

  next(): string {
    return `run-${++this.count}`
  }

  async send(count: number, key: (index: number) => string = (index) => `key-${index % 10}`) {
    const run = this.next()
    await this.sendAs(run, 0, count, key)
    return { run, filter: (headers: Readonly<Record<string, string>>) => headers.run === run }
  }

  /** Messages `<run>-<from>` and on. */
  async sendAs(
    run: string,
    from: number,
    count: number,
    key = (index: number) => `k${index}`,
  ): Promise<void> {
    await this.world.producer.send(
      Array.from({ length: count }, (_, index) => ({
        topic: TOPIC,
        key: key(from + index),
        type: 'ErasureRequested',
        value: requested(`${run}-${from + index}`),
        headers: { run },
      })),
    )
  }

  /** Ids of a run of 60 that lie in other partitions than `key`. */
  async keysOutside(run: string, key: string): Promise<string[]> {
    const items: Incoming<wire.ErasureRequested>[] = []
    const look = await this.world.consume<wire.ErasureRequested>(
      this.world.group(),
      { topic: TOPIC, mode: 'batch', filter: (headers) => headers.run === run },
      async (batch) => void items.push(...batch),
    )
    await until(() => items.length === 60)
    await look.close()
    const partition = items.find((item) => item.key === key)?.partition
    return items.filter((item) => item.partition !== partition).map(id)
  }
}
