import 'reflect-metadata'
import type { wire } from '@lethe/schemas'
import { PausedError, TerminalError } from '@lethe/service-host'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Ctx, EventPattern, Payload } from '@nestjs/microservices'
import { Registry } from '@prometheus-io/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BatchPattern } from './batch-pattern.js'
import { listDeadLetters } from './dead-letter-list.js'
import type { BatchContext, Incoming } from './incoming.js'
import { KafkaHarness, requested } from './kafka-harness.spec.js'
import { KafkaBatchStrategy } from './strategy.js'

const TOPIC = 'erasure.requested'
let world: KafkaHarness
let pauses = 3
const handled: string[] = []

@Controller()
class Erasures {
  @BatchPattern(TOPIC)
  async erase(@Payload() batch: Incoming<wire.ErasureRequested>[], @Ctx() context: BatchContext) {
    await context.heartbeat()
    if (pauses-- > 0) throw new PausedError('clearance_unreachable', 'request is away')
    if (batch.some(({ value }) => value.requestId === 'bad')) throw new TerminalError('bad_one', 'poison')
    handled.push(...batch.map(({ value }) => value.requestId))
  }
}
@Module({ controllers: [Erasures] })
class Eraser {}

@Controller()
class Plain {
  @EventPattern<string>(TOPIC, {})
  erase() {
    return undefined
  }
}
@Module({ controllers: [Plain] })
class PlainEraser {}

beforeAll(async () => {
  world = await KafkaHarness.create()
})
afterAll(async () => {
  await world?.drop()
})

function strategy(group: string, registry = new Registry()): KafkaBatchStrategy {
  return new KafkaBatchStrategy({
    kafka: world.kafka,
    group,
    codec: world.codec,
    subscriptions: [{ topic: TOPIC, mode: 'batch', maxAttempts: 2 }],
    registry,
    tuning: { maxWaitMs: 50, pauseBackoffMs: { first: 20, longest: 50 } },
  })
}

describe('a Nest controller behind KafkaBatchStrategy', () => {
  it('gets batches, and its error classes reach the transport', async () => {
    const group = world.group()
    const registry = new Registry()
    const app = await NestFactory.createMicroservice(Eraser, {
      strategy: strategy(group, registry),
      logger: false,
    })
    await app.listen()
    await world.producer.send(
      ['good-1', 'bad', 'good-2'].map((name) => ({
        topic: TOPIC,
        key: 'same',
        type: 'ErasureRequested',
        value: requested(name),
      })),
    )
    await world.drained(group, TOPIC)
    const running = await registry.metrics()
    const lag = (partition: number) =>
      `lethe_messaging_lag{group="${group}",topic="${TOPIC}",partition="${partition}",service="${world.kafka.clientId}"}`
    for (let partition = 0; partition < 6; partition++) expect(running).toContain(`${lag(partition)} 0\n`)
    expect(running).toContain(
      `lethe_messaging_lag_unknown{group="${group}",topic="${TOPIC}",partition="0",service="${world.kafka.clientId}"} 0\n`,
    )
    await app.close()
    expect(await registry.metrics()).not.toContain(lag(0))
    expect(handled).toEqual(['good-1', 'good-2'])
    // A PausedError that had lost its class would have cost the first messages their attempts.
    const [letter, ...more] = await listDeadLetters(world.kafka, { group })
    expect(more).toEqual([])
    expect(letter).toMatchObject({ code: 'bad_one', errorClass: 'terminal', attempts: 1 })
    const metrics = await registry.metrics()
    expect(metrics).toMatch(/lethe_messaging_handled_total\{[^}]*\} 2/)
    expect(metrics).toMatch(/lethe_messaging_dead_lettered_total\{[^}]*code="bad_one"[^}]*\} 1/)
    expect(metrics).toMatch(/lethe_messaging_failed_total\{[^}]*class="paused"[^}]*\} 3/)
    expect(metrics).toMatch(/lethe_messaging_batch_seconds_count\{/)
    expect(metrics).toMatch(/lethe_messaging_rate_per_second\{/)
  })

  it('is ready only while it is a member of its group', async () => {
    const consumer = strategy(world.group())
    await expect(consumer.check()).rejects.toThrow(expect.objectContaining({ code: 'consumer_not_running' }))
    const app = await NestFactory.createMicroservice(Eraser, { strategy: consumer, logger: false })
    await app.listen()
    await consumer.check()
    await app.close()
    await expect(consumer.check()).rejects.toThrow(expect.objectContaining({ code: 'consumer_not_running' }))
  })

  it('refuses a handler whose errors Nest would hide', async () => {
    const app = await NestFactory.createMicroservice(PlainEraser, {
      strategy: strategy(world.group()),
      logger: false,
    })
    await expect(app.listen()).rejects.toThrow(/BatchPattern/)
    await app.close()
  })
})
