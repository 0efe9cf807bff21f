import { randomUUID } from 'node:crypto'
import { type Incoming, type KafkaConfig, type MessageCodec, readTopic } from '@lethe/messaging'
import {
  appendToChain,
  findSelf,
  type Head,
  HeadInvalid,
  type HeadPlace,
  headOrInvalid,
  inTransaction,
  type SelfWatch,
  writeCheckpoint,
  writeHead,
} from '@lethe/request-log'
import type { wire } from '@lethe/schemas'
import { type Caller, describeError, type Logger, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { SelfStore } from '../../adapters/self-store.js'
import type { Turns } from '../../adapters/turns.js'
import { may } from '../../domain/permissions.js'
import {
  adviceOn,
  type ChainProof,
  emptyReport,
  notRebuilt,
  type SelfReport,
  type SelfRestoreRow,
} from '../../domain/self-report.js'
import { SELF } from './beating.js'
import { linkOf, type TombstoneRecord } from './chain-fold.js'
import { Statuses } from './statuses.js'

/** Places holds on requests of the log, as the restore service. */
export interface HoldPort {
  hold(requestId: string): Promise<void>
}

export interface SelfRestoreParts {
  readonly pool: Pool
  readonly store: SelfStore
  readonly watch: SelfWatch
  readonly turns: Turns
  readonly place: HeadPlace
  readonly kafka: KafkaConfig
  readonly codec: MessageCodec
  readonly holds: HoldPort
  readonly logger: Logger
  readonly now?: () => number
}

export interface SelfView {
  readonly state: 'ok' | 'unguarded' | 'restored' | 'unknown'
  readonly reasons: readonly string[]
  /** A self-restore is under way in this process. */
  readonly running: boolean
  readonly last: SelfRestoreRow | null
}

const LISTED = 100
/** The turn waits for a beat under way. */
const TURN_WAIT_MS = 20_000

/**
 * What Lethe does when its own database is an older copy: reads tombstones, milestones and acknowledgements from the
 * topics again, keeps what the database has lost, and says what is lost for good. Everything it does can be done
 * again; until its end nothing is decided, and only its end lets the services go on, under a new incarnation.
 */
export class SelfRestore {
  private readonly now: () => number
  private running: Promise<void> | null = null

  constructor(private readonly parts: SelfRestoreParts) {
    this.now = parts.now ?? Date.now
  }

  async view(caller: Caller): Promise<SelfView> {
    permitted(caller, 'read')
    const { watch, store } = this.parts
    await watch.look()
    const state = watch.state
    return {
      state: state?.is ?? 'unknown',
      reasons: state?.is === 'restored' ? state.reasons : [],
      running: this.running !== null,
      last: await store.latest(),
    }
  }

  /**
   * Begins; `view` tells how it goes. `accept` is for what nobody can prove: who said so is kept.
   *
   * @throws ProblemError `illegal_transition` when the database is the right one, or a self-restore is under way
   */
  async begin(caller: Caller, accept: boolean): Promise<SelfView> {
    permitted(caller, 'self')
    const { watch, store } = this.parts
    await watch.look()
    const state = watch.state
    if (state?.is !== 'restored')
      throw problem(
        'illegal_transition',
        "Lethe's own database is the one it last worked with; nothing is to be restored.",
      )
    if (this.running !== null) throw problem('illegal_transition', 'A self-restore is under way already.')
    const selfId = randomUUID()
    await store.begin(selfId, caller.id, state.reasons, this.now())
    this.running = this.inTurn(selfId, accept ? caller.id : null).finally(() => {
      this.running = null
    })
    return this.view(caller)
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    await this.running
  }

  private async inTurn(selfId: string, acceptedBy: string | null): Promise<void> {
    const { turns, store, logger } = this.parts
    let report: SelfReport = { ...emptyReport, acceptedBy }
    const keep = (change: Partial<SelfReport>) => {
      report = { ...report, ...change }
    }
    try {
      const taken = await turns.take(SELF, () => this.work(keep, () => report), { wait: TURN_WAIT_MS })
      if (!taken) keep({ failed: 'busy' })
    } catch (error) {
      const { code, type } = describeError(error)
      keep({ failed: code ?? type })
      logger.error({ err: error, selfId }, 'the self-restore did not come to its end; run it again')
    }
    await store
      .report(selfId, report, this.now())
      .catch((error: unknown) => logger.error({ err: error, selfId }, 'its report could not be kept'))
    logger.warn({ selfId, ...report }, 'a self-restore has ended')
  }

  private async work(keep: (change: Partial<SelfReport>) => void, report: () => SelfReport): Promise<void> {
    const { store } = this.parts
    const head = headOrInvalid(this.parts.place)
    const read = await this.tombstones()
    const statuses = new Statuses(store)
    // One nobody can read may be a hold.
    const unread = await this.topic('erasure.status', (page) =>
      statuses.take(page as Incoming<wire.ErasureStatusChanged>[]),
    )
    const heldAgain = await this.holdAgain(statuses)
    const acknowledged = await this.acknowledgements()
    const recovered = await store.recovered(this.now())
    const { count, lost } = await store.lostRequests(LISTED)
    const proof = await this.proof(head)
    keep({
      ...read,
      unreadable: read.unreadable + unread,
      proof,
      recovered: recovered.tombstones,
      recoveredHeld: recovered.held,
      recoveredUnsealed: recovered.unsealed,
      lostRequests: count,
      lostIds: lost.map(({ requestId }) => requestId),
      lost: lost.map((one) => ({
        ...one,
        acknowledged: [...(acknowledged.by.get(one.requestId) ?? [])].sort(),
        advice: adviceOn(one),
      })),
      lostAcknowledgements: acknowledged.lost,
      refolded: acknowledged.known,
      heldAgain,
    })
    keep({ notRebuilt: notRebuilt(report()) })
    const needsAccept = proof === 'unproven' || report().unreadable > 0
    keep({ needsAccept: needsAccept && report().acceptedBy === null })
    if (!report().needsAccept) keep({ incarnation: await this.finish() })
  }

  /** Every record: those the database lacks are kept, and the chain goes on behind its end. */
  private async tombstones(): Promise<Pick<SelfReport, 'records' | 'unreadable'>> {
    const { pool, store, kafka, codec, place } = this.parts
    const offsets = await store.offsets()
    const append = (partition: number, links: ReturnType<typeof linkOf>[], next: number) =>
      inTransaction(pool, async (client) => {
        const from = offsets.get(partition) ?? 0
        const fresh = links.filter(({ offset }) => offset >= from)
        if (next <= from) return
        await appendToChain(client, place.secret, { partition, from, next }, fresh, this.now())
        offsets.set(partition, next)
      })
    const lapsed = new Lapsed()
    const read = await readTopic(kafka, codec, 'erasure.tombstones', async (partition, page) => {
      const records = page as TombstoneRecord[]
      for (const { value } of records) lapsed.see(value, this.now())
      const links = records.map(linkOf)
      const unknown = new Set(await store.unknown(pool, links, this.now()))
      const missing = records.filter(({ value }) => unknown.has(value.tombstoneId))
      if (missing.length > 0) await store.recover(missing.map(({ value }) => value))
      const last = links.at(-1)
      if (last !== undefined) await append(partition, links, last.offset + 1)
    })
    for (const [partition, { end }] of read)
      if (end > (offsets.get(partition) ?? 0)) await append(partition, [], end)
    // A copy from before one that has lapsed may hold people nobody replays any more; this database may not know it.
    for (const one of lapsed.youngest()) await store.recover([one])
    const sum = (of: 'records' | 'unreadable') =>
      [...read.values()].reduce((total, one) => total + one[of], 0)
    return { records: sum('records'), unreadable: sum('unreadable') }
  }

  /** A request that was held, cancelled or refused after the backup must not go on as if it were not. */
  private async holdAgain(statuses: Statuses): Promise<number> {
    const wanted = await statuses.toHold()
    for (const requestId of wanted) await this.parts.holds.hold(requestId)
    return wanted.length
  }

  private async acknowledgements() {
    const { store } = this.parts
    const counts = new Map<string, number>()
    const by = new Map<string, Set<string>>()
    let known = 0
    const from = await store.foldedTo()
    await this.topic(
      'erasure.acknowledged',
      async (page) => {
        const told = page.map(({ value }) => value as { requestId: string; systemId: string })
        const here = await store.requests([...new Set(told.map(({ requestId }) => requestId))])
        for (const { requestId, systemId } of told) {
          if (here.has(requestId)) known += 1
          else {
            counts.set(requestId, (counts.get(requestId) ?? 0) + 1)
            by.set(requestId, (by.get(requestId) ?? new Set()).add(systemId))
          }
        }
      },
      from,
    )
    await store.acknowledged(counts)
    return { lost: [...counts.values()].reduce((sum, one) => sum + one, 0), known, by }
  }

  /** @returns how many records nobody can read */
  private async topic(
    name: 'erasure.status' | 'erasure.acknowledged',
    visit: (page: readonly Incoming[]) => Promise<void>,
    from?: ReadonlyMap<number, number>,
  ): Promise<number> {
    const { kafka, codec } = this.parts
    const read = await readTopic(kafka, codec, name, (_partition, page) => visit(page), from ? { from } : {})
    return [...read.values()].reduce((total, { unreadable }) => total + unreadable, 0)
  }

  /** Compares the chain as it is now with the head that was kept outside. */
  private async proof(head: Head | HeadInvalid | null): Promise<ChainProof> {
    if (head === null || head instanceof HeadInvalid) return 'unproven'
    const { store, pool } = this.parts
    const now = new Map((await store.heads(pool)).map((one) => [one.partition, one]))
    let proof: ChainProof = 'exact'
    for (const outside of head.partitions) {
      const here = now.get(outside.partition)
      if (here === undefined || here.nextOffset < outside.nextOffset) return 'unproven'
      if (outside.records === 0 || (await store.hashAt(outside)) === outside.hash) continue
      // Nobody wrote meanwhile, so the sum over the latest of each must be what it was.
      if (here.nextOffset !== outside.nextOffset || here.live !== outside.live) return 'unproven'
      proof = 'complete'
    }
    return proof
  }

  /** The file first: a crash before the commit leaves a mismatch, and everything goes on waiting. */
  private async finish(): Promise<string> {
    const { pool, store, place, watch } = this.parts
    const incarnation = randomUUID()
    const beat = randomUUID()
    const writtenAt = this.now()
    await inTransaction(pool, async (client) => {
      await store.beat(client, { incarnation, beat }, writtenAt)
      await store.adoptMarkers(client)
      const partitions = await store.heads(client)
      for (const { partition, nextOffset, records, hash } of partitions)
        if (records > 0)
          await writeCheckpoint(
            client,
            place.secret,
            { partition, offset: nextOffset - 1, records, hash: Buffer.from(hash, 'hex') },
            writtenAt,
          )
      const { identity } = await findSelf(client, [])
      writeHead(place, {
        incarnation,
        identity,
        writtenAt,
        previous: null,
        current: beat,
        pending: null,
        partitions,
      })
    })
    watch.suspect()
    await watch.look()
    return incarnation
  }
}

/** Of the tombstones that are replayed no more, the one of each system that took effect last. */
class Lapsed {
  private readonly of = new Map<string, wire.ErasureTombstone>()

  see(one: wire.ErasureTombstone, now: number): void {
    if (Number(one.expiresAt) > now && one.sealedSelectors !== null) return
    const known = this.of.get(one.systemId)
    if (known === undefined || Number(known.effectiveAt) < Number(one.effectiveAt))
      this.of.set(one.systemId, one)
  }

  youngest(): wire.ErasureTombstone[] {
    return [...this.of.values()]
  }
}

function permitted(caller: Caller, action: 'read' | 'self'): void {
  if (!may(caller, action)) throw problem('forbidden', `Your roles do not allow "${action}".`)
}
