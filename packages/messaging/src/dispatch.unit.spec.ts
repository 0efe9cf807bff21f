import { PausedError, RetryableError, TerminalError } from '@lethe/service-host'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DispatchRules, dispatch, type Effects, type Work } from './dispatch.js'
import { OffsetsMovedError } from './errors.js'
import { PartitionMemory } from './partition-memory.js'

type Nature = 'good' | 'terminal' | 'retryable' | 'unknown' | 'flaky' | 'unreadable'
interface Item {
  readonly offset: bigint
  readonly key: string | null
  readonly nature: Nature
}

const rules: DispatchRules = {
  mode: 'batch',
  maxBatch: 500,
  concurrency: 4,
  maxAttempts: 3,
  backoff: () => 10,
}

/** A partition, its consumer and a clock without any waiting. */
class World {
  readonly handled: Item[][] = []
  readonly quarantined: bigint[] = []
  /** Handled and quarantined records in the order in which it happened. */
  readonly settled: Item[] = []
  readonly positions: { from: bigint; next: bigint }[] = []
  memory = new PartitionMemory()
  committed = 0n
  time = 0
  calls = 0
  private readonly flaked = new Map<bigint, number>()

  constructor(
    readonly log: readonly Item[],
    readonly rules: DispatchRules,
    readonly mishap: (call: number) => Error | null = () => null,
  ) {}

  readonly effects: Effects<Item> = {
    handle: async (items, position) => {
      const mishap = this.mishap(this.calls++)
      if (mishap) throw mishap
      for (const item of items) this.failFor(item)
      this.positions.push(position)
      this.handled.push([...items])
      this.settled.push(...items)
    },
    quarantine: async ({ offset, item }) => {
      this.quarantined.push(offset)
      this.settled.push(item)
    },
    progress: async () => true,
    now: () => this.time,
  }

  private failFor({ nature, offset }: Item): void {
    if (nature === 'terminal') throw new TerminalError('bad', 'poison')
    if (nature === 'retryable') throw new RetryableError('bad', 'poison')
    if (nature === 'unknown') throw new Error('poison')
    if (nature !== 'flaky') return
    const failed = this.flaked.get(offset) ?? 0
    this.flaked.set(offset, failed + 1)
    // Seen in sets first, so that the bound on single attempts is never reached.
    if (failed < 1) throw new RetryableError('busy', 'passes')
  }

  /** Fetches `size` records from the committed offset and runs one pass. */
  async pass(size: number) {
    const fetched = this.log.filter(({ offset }) => offset >= this.committed).slice(0, size)
    const works = fetched.map(
      (item): Work<Item> => ({
        offset: item.offset,
        key: item.key,
        item,
        ...(item.nature === 'unreadable' ? { unreadable: new TerminalError('undecodable', 'bytes') } : {}),
      }),
    )
    const end = (fetched.at(-1)?.offset ?? this.committed - 1n) + 1n
    const result = await dispatch(works, end, this.memory, this.rules, this.effects)
    expect(result.low).toBeGreaterThanOrEqual(this.committed)
    this.committed = result.low
    this.memory.forgetBelow(result.low)
    if (result.status === 'later') this.time += result.waitMs
    return result
  }

  get finished(): boolean {
    return this.committed > (this.log.at(-1)?.offset ?? -1n)
  }
}

const log = (natures: readonly [string | null, Nature][]): Item[] =>
  natures.map(([key, nature], index) => ({ offset: BigInt(index), key, nature }))

const natures = fc.constantFrom<Nature>(
  'good',
  'good',
  'good',
  'good',
  'terminal',
  'retryable',
  'unknown',
  'flaky',
  'unreadable',
)
const scenario = fc.record({
  items: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', null), natures), { maxLength: 40 }),
  sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
  mode: fc.constantFrom<'batch' | 'keyed'>('batch', 'keyed'),
  maxBatch: fc.integer({ min: 1, max: 20 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  pauses: fc.uniqueArray(fc.nat(60), { maxLength: 6 }),
  crashes: fc.uniqueArray(fc.nat(20), { maxLength: 3 }),
})
const isPoison = ({ nature }: Item) => nature !== 'good' && nature !== 'flaky'

describe('dispatch', () => {
  it('dead-letters exactly the poison and handles everything else at least once, in order per key', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ items, sizes, mode, maxBatch, concurrency, pauses, crashes }) => {
        const paused = new Set(pauses)
        const world = new World(log(items), { ...rules, mode, maxBatch, concurrency }, (call) =>
          paused.has(call) ? new PausedError('away', 'clearance is unreachable') : null,
        )
        for (let round = 0; !world.finished; round++) {
          expect(round, 'the passes are bounded').toBeLessThan(2_000)
          if (crashes.includes(round)) world.memory = new PartitionMemory()
          await world.pass(sizes[round % sizes.length] ?? 1)
        }
        const good = world.log.filter((item) => !isPoison(item)).map(({ offset }) => offset)
        const handled = new Set(world.handled.flat().map(({ offset }) => offset))
        expect([...handled].sort((a, b) => Number(a - b))).toEqual(good)
        const poison = world.log.filter(isPoison).map(({ offset }) => offset)
        expect([...new Set(world.quarantined)].sort((a, b) => Number(a - b))).toEqual(poison)
        expectOrderPerKey(world)
      }),
      { numRuns: 400 },
    )
  })

  it('lets other keys go on while a poison record waits for its retries', async () => {
    const world = new World(
      log([
        ['a', 'retryable'],
        ['a', 'good'],
        ['b', 'good'],
      ]),
      {
        ...rules,
        maxBatch: 1,
      },
    )
    const result = await world.pass(10)
    expect(result.status).toBe('later')
    expect(world.handled.flat().map(({ key }) => key)).toEqual(['b'])
    expect(world.committed).toBe(0n)
  })

  it('spends no attempt on a pause and does not ask the handler further', async () => {
    let away = true
    const world = new World(
      log([
        ['a', 'good'],
        ['b', 'good'],
      ]),
      { ...rules, maxBatch: 1 },
      () => (away ? new PausedError('away', 'unreachable') : null),
    )
    for (let pass = 0; pass < 10; pass++) expect((await world.pass(10)).status).toBe('paused')
    expect(world.calls).toBe(10)
    away = false
    expect((await world.pass(10)).status).toBe('done')
    expect(world.quarantined).toEqual([])
  })

  it('tries a failed set as a whole before it is bisected, when the error says so', async () => {
    const world = new World(
      log([
        ['a', 'good'],
        ['b', 'good'],
        ['c', 'good'],
      ]),
      rules,
      (call) => (call < 2 ? new RetryableError('busy', 'deadlock') : null),
    )
    while (!world.finished) await world.pass(10)
    expect(world.calls).toBe(3)
    expect(world.handled.map((set) => set.length)).toEqual([3])
  })

  it('pauses instead of losing a record that can not be quarantined', async () => {
    const world = new World(
      log([
        ['a', 'terminal'],
        ['a', 'good'],
      ]),
      rules,
    )
    const quarantine = world.effects.quarantine
    world.effects.quarantine = async () => {
      throw new RetryableError('publish_failed', 'no broker')
    }
    expect(await world.pass(10)).toMatchObject({ status: 'paused', low: 0n })
    world.effects.quarantine = quarantine
    expect((await world.pass(10)).status).toBe('done')
    expect(world.quarantined).toEqual([0n])
  })

  it('puts one failed verdict off by itself', async () => {
    const world = new World(
      log([
        ['a', 'good'],
        ['b', 'good'],
      ]),
      rules,
    )
    const handle = world.effects.handle
    world.effects.handle = async (items, position) => {
      await handle(items, position)
      return items.map(({ key }) => (key === 'a' ? { ok: false, error: new Error('x') } : { ok: true }))
    }
    while (!world.finished) await world.pass(10)
    expect(world.quarantined).toEqual([0n])
    expect(world.handled.flat().filter(({ key }) => key === 'b')).toHaveLength(1)
  })

  it('stops when the stored offset moved', async () => {
    const world = new World(
      log([
        ['a', 'good'],
        ['b', 'good'],
      ]),
      rules,
      () => new OffsetsMovedError(),
    )
    expect(await world.pass(10)).toMatchObject({ status: 'moved', low: 0n })
  })

  it('hands out positions that join without a gap and never pass an unfinished record', async () => {
    const world = new World(
      log([
        ['a', 'good'],
        ['b', 'unknown'],
        ['c', 'good'],
        ['b', 'good'],
        ['d', 'good'],
      ]),
      { ...rules, maxBatch: 2 },
    )
    world.memory.position = 0n
    while (!world.finished) {
      await world.pass(10)
      // As the consumer does for records that needed no handler.
      world.memory.position = world.committed
    }
    for (const { from, next } of world.positions) expect(next).toBeGreaterThanOrEqual(from)
    expect(world.positions[0]).toEqual({ from: 0n, next: 1n })
    expect(world.positions[1]).toEqual({ from: 1n, next: 1n })
    expect(world.committed).toBe(5n)
  })

  it('remembers no more than what lies above the committed offset', async () => {
    const world = new World(log(Array.from({ length: 100 }, () => ['a', 'good'] as [string, Nature])), rules)
    while (!world.finished) await world.pass(7)
    expect(world.memory.size).toBe(0)
  })
})

/** When a record was settled, every earlier one of its key had been. */
function expectOrderPerKey(world: World): void {
  const settled = new Set<bigint>()
  for (const item of world.settled) {
    for (const earlier of world.log)
      if (item.key !== null && earlier.key === item.key && earlier.offset < item.offset)
        expect(settled.has(earlier.offset), `${earlier.offset} before ${item.offset}`).toBe(true)
    settled.add(item.offset)
  }
}
