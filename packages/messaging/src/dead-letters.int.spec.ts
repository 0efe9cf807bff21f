import type { wire } from '@lethe/schemas'
import { TerminalError } from '@lethe/service-host'
import { Registry } from '@prometheus-io/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaClients } from './client/port.js'
import { deadLetterTopic, physicalTopic } from './config.js'
import { DLQ } from './dead-letter.js'
import { listDeadLetters } from './dead-letter-list.js'
import type { Incoming } from './incoming.js'
import { KafkaHarness, requested, until } from './kafka-harness.spec.js'
import { type ConsumedTopics, consumerLag } from './lag.js'
import { lagMetrics } from './lag-metrics.js'
import { redrive } from './redrive.js'
import { withAdmin } from './topic-administration.js'

const TOPIC = 'erasure.requested'
let world: KafkaHarness

const lagOf = (groups: ConsumedTopics) =>
  withAdmin(world.kafka, (admin) => consumerLag(admin, world.kafka, groups))

const send = (ids: readonly string[]) =>
  world.producer.send(
    ids.map((name, index) => ({
      topic: TOPIC,
      key: `k${index}`,
      type: 'ErasureRequested',
      value: requested(name),
      id: `ce-${name}`,
      headers: { systems: ',shop-pg,' },
    })),
  )

describe.each(kafkaClients)('with %s', (client) => {
  beforeAll(async () => {
    world = await KafkaHarness.create(client)
  })
  afterAll(async () => {
    await world?.drop()
  })

  describe('dead letters', () => {
    it('are listed by reference and redriven for their group only, with the attempt counted', async () => {
      let broken = true
      const seen: Incoming<wire.ErasureRequested>[] = []
      const elsewhere: string[] = []
      const [group, other] = [world.group(), world.group()]
      await world.consume<wire.ErasureRequested>(group, { topic: TOPIC, mode: 'batch' }, async (batch) => {
        const poison = batch.find(({ value }) => value.requestId.startsWith('bad'))
        if (broken && poison) throw new TerminalError('not_today', 'u1@example.org is in this text')
        seen.push(...batch)
      })
      await world.consume<wire.ErasureRequested>(other, { topic: TOPIC, mode: 'batch' }, async (batch) => {
        elsewhere.push(...batch.map(({ value }) => value.requestId))
      })
      await send(['bad-1', 'good-1', 'bad-2', 'good-2'])
      await world.drained(group, TOPIC)

      const letters = await listDeadLetters(world.kafka, { group })
      expect(letters.map(({ ceId }) => ceId).sort()).toEqual(['ce-bad-1', 'ce-bad-2'])
      expect(letters[0]).toMatchObject({
        topic: TOPIC,
        group,
        code: 'not_today',
        errorClass: 'terminal',
        attempts: 1,
        redrives: 0,
        type: 'ErasureRequested',
        redriven: false,
      })
      expect(JSON.stringify(letters)).not.toContain('example.org')

      const selection = { group, code: 'not_today' }
      const dry = await redrive({ kafka: world.kafka, selection, dryRun: true })
      expect(dry).toMatchObject({ redriven: 0, gone: [] })
      expect(dry.selected).toHaveLength(2)
      broken = false
      expect((await redrive({ kafka: world.kafka, selection, dryRun: false })).redriven).toBe(2)
      await until(() => seen.filter(({ value }) => value.requestId.startsWith('bad')).length === 2)
      const again = seen.find(({ value }) => value.requestId === 'bad-1')
      expect(again?.headers).toMatchObject({
        ce_id: 'ce-bad-1',
        attempt: '2',
        redrives: '1',
        systems: ',shop-pg,',
      })
      expect(await listDeadLetters(world.kafka, { group })).toEqual([])
      expect(await listDeadLetters(world.kafka, { group, includeRedriven: true })).toHaveLength(2)
      await world.drained(other, TOPIC)
      expect(elsewhere.filter((name) => name.startsWith('bad'))).toHaveLength(2)
    })

    it('redrives at the rate it was given and takes the copy when the origin is gone', async () => {
      const group = world.group()
      await world.consume<wire.ErasureRequested>(group, { topic: TOPIC, mode: 'batch' }, async () => {
        throw new TerminalError('never', 'no')
      })
      await send(['a', 'b', 'c', 'd'])
      await world.drained(group, TOPIC)
      const letters = await listDeadLetters(world.kafka, { group })
      const ids = letters.slice(-4).map(({ id }) => id)
      const name = physicalTopic(world.kafka, TOPIC)
      const ends = await world.admin.fetchTopicOffsets(name)
      await world.admin.deleteTopicRecords({
        topic: name,
        partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
      })
      const started = performance.now()
      const result = await redrive({ kafka: world.kafka, selection: { group, ids }, dryRun: false, rate: 10 })
      expect(result).toMatchObject({ redriven: 4, gone: [] })
      expect(performance.now() - started).toBeGreaterThan(290)
      await until(async () =>
        (await listDeadLetters(world.kafka, { group })).some(({ redrives }) => redrives === 1),
      )
    })

    it('takes no other message for the origin because it has its offset: a topic may be made anew', async () => {
      const group = world.group()
      await world.consume<wire.ErasureRequested>(group, { topic: TOPIC, mode: 'batch' }, async (batch) => {
        if (batch.some(({ value }) => value.requestId === 'stranger')) throw new TerminalError('never', 'no')
      })
      await send(['stranger'])
      await until(async () => (await listDeadLetters(world.kafka, { group })).length === 1)
      const [letter] = await listDeadLetters(world.kafka, { group })
      // The letter of a message of before, which had the place that another one has now.
      const headers = {
        ce_id: 'ce-of-before',
        ce_type: 'ErasureRequested',
        [DLQ.topic]: TOPIC,
        [DLQ.partition]: String(letter?.partition),
        [DLQ.offset]: String(letter?.offset),
        [DLQ.group]: group,
        [DLQ.code]: 'never',
      }
      await world.producer.sendRaw([
        { topic: deadLetterTopic(TOPIC, group), key: 'k0', value: null, headers },
      ])
      const result = await redrive({ kafka: world.kafka, selection: { group }, dryRun: false })
      expect(result).toMatchObject({ redriven: 0, gone: [{ id: letter?.id, ceId: 'ce-of-before' }] })
    })
  })

  describe('lag', () => {
    it('is of the group of this deployment, not of one with the same name beside it', async () => {
      const group = world.group()
      await world.consume(group, { topic: 'erasure.intake', mode: 'batch' }, async () => {})
      await world.producer.send(
        Array.from({ length: 6 }, (_, index) => ({
          topic: 'erasure.intake' as const,
          key: `k${index}`,
          type: 'ErasureIntake',
          value: { intakeKey: `k${index}`, jwe: 'sealed', sentAt: 1_700_000_000_000 },
        })),
      )
      await world.drained(group, 'erasure.intake')
      const { groups } = await world.admin.listGroups()
      expect(groups.map(({ groupId }) => groupId)).toContain(`${world.kafka.topicPrefix}${group}`)
      const lag = await lagOf({ [group]: ['erasure.intake'] })
      expect(lag.map(({ lag: behind }) => behind)).toEqual([0, 0, 0])
      expect(lag.some(({ committed }) => committed !== null)).toBe(true)
    })

    it('counts what was not committed, and says unknown instead of zero', async () => {
      const groups = { [world.group()]: ['erasure.status'] } as const
      await world.producer.send(
        Array.from({ length: 7 }, (_, index) => ({
          topic: 'erasure.status' as const,
          key: `k${index}`,
          type: 'ErasureStatusChanged',
          value: status,
        })),
      )
      const lag = await lagOf(groups)
      expect(lag).toHaveLength(3)
      expect(lag.reduce((sum, entry) => sum + Number(entry.lag), 0)).toBe(7)
      expect(lag.every(({ committed }) => committed === null)).toBe(true)

      const registry = new Registry()
      const live = lagMetrics(registry, world.kafka, groups)
      expect(await registry.metrics()).toMatch(/lethe_messaging_lag\{.*topic="erasure.status".*\} [1-7]/)
      await live.close()

      const dark = new Registry()
      const away = lagMetrics(dark, { ...world.kafka, brokers: ['127.0.0.1:1'] }, groups, 300)
      const text = await dark.metrics()
      expect(text).toMatch(/lethe_messaging_lag_unknown\{.*partition="all".*\} 1/)
      expect(text).not.toMatch(/lethe_messaging_lag\{/)
      await away.close()
    })
  })
})

const status: wire.ErasureStatusChanged = {
  requestId: 'r1',
  tenantId: 'shop',
  subjectRef: 's1',
  intakeKey: null,
  status: 'accepted',
  requestStatus: 'PENDING',
  problemCode: null,
  dueAt: null,
  backupClearAt: null,
  at: 1_700_000_000_000,
  attested: [],
}
