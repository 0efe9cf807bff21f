import { type TopicName, topics, type wire } from '@lethe/schemas'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaClients } from './client/port.js'
import { OffsetsMovedError } from './errors.js'
import type { ExternalOffsets } from './incoming.js'
import { KafkaHarness, until } from './kafka-harness.spec.js'
import { id, Runs, TOPIC } from './kafka-runs.spec.js'

let world: KafkaHarness
let runs: Runs

describe.each(kafkaClients)('offsets outside Kafka, with %s', (client) => {
  beforeAll(async () => {
    world = await KafkaHarness.create(client)
    runs = new Runs(world)
  })
  afterAll(async () => {
    await world?.drop()
  })

  it('lie in the handler’s own database and are moved by compare-and-set', async () => {
    const { filter } = await runs.send(100)
    const group = world.group()
    const offsets = new StoredOffsets()
    const seen: string[] = []
    const consume = () =>
      world.consume<wire.ErasureRequested>(
        group,
        { topic: TOPIC, mode: 'batch', filter, maxBatch: 10, offsets },
        async (batch, { partition, position }) => {
          offsets.move(partition, position.from, position.next)
          seen.push(...batch.map(id))
        },
      )
    const first = await consume()
    await until(() => seen.length === 100)
    await world.drained(group, TOPIC)
    await first.close()
    expect(offsets.stored()).toEqual(await world.committed(group, TOPIC))
    // Kafka's copy runs ahead or behind: the stored offset decides.
    offsets.rewind()
    await consume()
    await until(() => seen.length === 200)
    expect(new Set(seen).size).toBe(100)
  })

  it('are read again when another member moved them', async () => {
    const { filter } = await runs.send(30, () => 'one')
    const group = world.group()
    const offsets = new StoredOffsets()
    const seen: string[] = []
    let raced = false
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter, maxBatch: 10, offsets },
      async (batch, { partition, position }) => {
        if (!raced && seen.length === 10) {
          raced = true
          offsets.move(partition, position.from, position.next)
        }
        offsets.move(partition, position.from, position.next)
        seen.push(...batch.map(id))
      },
    )
    await world.drained(group, TOPIC)
    // The ten that the other member took are not handled here; nothing is handled twice.
    expect(seen).toHaveLength(20)
    expect(new Set(seen).size).toBe(20)
  })
})

class StoredOffsets implements ExternalOffsets {
  private readonly next = new Map<number, string>()
  async load(_topic: TopicName, partitions: readonly number[]): Promise<Map<number, string>> {
    return new Map([...this.next].filter(([partition]) => partitions.includes(partition)))
  }
  async advance(_topic: TopicName, partition: number, from: string, next: string): Promise<void> {
    this.move(partition, from, next)
  }
  move(partition: number, from: string, next: string): void {
    if ((this.next.get(partition) ?? '0') !== from) throw new OffsetsMovedError()
    this.next.set(partition, next)
  }
  rewind(): void {
    for (const partition of this.next.keys()) this.next.set(partition, '0')
  }
  stored(): string[] {
    return Array.from(
      { length: topics[TOPIC].partitions },
      (_, partition) => this.next.get(partition) ?? '-1',
    )
  }
}
