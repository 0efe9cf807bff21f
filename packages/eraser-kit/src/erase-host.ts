import type { Incoming, Outgoing, Quarantined, Verdict } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import {
  type Logger,
  PausedError,
  RetryableError,
  spansAround,
  TerminalError,
  traceparentFor,
} from '@lethe/service-host'
import { Acknowledgements, type ClearedPass, failureOf } from './acknowledging.js'
import { type Asked, askClearance, type WantedPass } from './clearing.js'
import type { Connector, EraseIo, Marker, Receipt, Session } from './connector.js'
import { type Context, Gathering } from './gathering.js'
import { batchPasses, batchSeconds, ofEraser, passesTotal } from './metrics.js'
import { Pacer, type Pacing } from './pacer.js'
import { outcomeAttributes, settlementAttributes, tracedPasses } from './pass-spans.js'
import { Patience, waits } from './patience.js'
import { readReceipt } from './read-receipt.js'
import type { RequestPort } from './request-client.js'
import { passKey, type Settlement, settle } from './settle.js'
import type { Systems } from './systems.js'

/** The part of MessageProducer the hosts use. */
export interface Publisher {
  send(messages: readonly Outgoing[]): Promise<void>
}

export interface HostParts {
  readonly systemId: string
  readonly connector: Connector
  readonly systems: Systems
  readonly request: RequestPort
  readonly publisher: Publisher
  readonly logger: Logger
  readonly now?: () => number
}

type Item = Incoming<wire.ErasureRequested>
/** Commands gathered from several partitions: more of them save nothing, and would outlive their grants sooner. */
const GATHERED = 250

/** Whether the `systems` header names this system; without the header the message must be read. */
export const concerns =
  (systemId: string) =>
  (headers: Readonly<Record<string, string>>): boolean =>
    headers.systems === undefined || headers.systems.includes(`,${systemId},`)

/**
 * Consumes erasure commands of one system. At least once: an acknowledgement is published before its offset
 * moves, and a redelivered command finds its receipt and repeats the same acknowledgement.
 */
export class EraseHost {
  private readonly now: () => number
  private readonly pacer: Pacer
  private readonly patience: Patience
  private readonly gathering: Gathering<Item>

  constructor(private readonly parts: HostParts) {
    this.now = parts.now ?? Date.now
    const { batch } = parts.connector.capabilities
    this.pacer = new Pacer(batch, this.now)
    this.patience = new Patience(this.now)
    this.gathering = new Gathering((items, context) => this.erase(items, context), {
      atOnce: batch.concurrency ?? 1,
      most: Math.min(batch.max, GATHERED),
      parted: (err) => parts.logger.warn({ err }, 'gathered commands failed; each partition is done alone'),
    })
  }

  get pacing(): Pacing {
    return this.pacer.state()
  }

  /**
   * One verdict per message; what several partitions bring at the same time is erased together. Throws
   * PausedError when nothing can be done now and nothing was spent.
   */
  async handle(items: readonly Item[], context: Context): Promise<Verdict[]> {
    return [...(await this.gathering.handle(items, context))]
  }

  private async erase(items: readonly Item[], context: Context): Promise<Verdict[]> {
    const failures = new Map<number, Error>()
    const passes = this.wanted(items)
    for (const version of new Set(passes.map(({ mapVersion }) => mapVersion))) {
      const ofVersion = passes.filter((pass) => pass.mapVersion === version)
      for (let from = 0; from < ofVersion.length; ) {
        const chunk = ofVersion.slice(from, from + this.pacer.size)
        await this.pacer.wait(chunk.length, context.signal)
        const failed = await spansAround('eraser.pass', tracedPasses(this.parts.systemId, chunk), () =>
          this.eraseChunk(version, chunk, context),
        )
        for (const [pass, error] of failed) failures.set(pass.item, error)
        from += chunk.length
        await context.heartbeat()
      }
    }
    return items.map((_, index): Verdict => {
      const error = failures.get(index)
      return error ? { ok: false, error } : { ok: true }
    })
  }

  /**
   * The last thing before a command goes to the dead-letter topic: its request shows `failed`. Throws when
   * that can not be said, so that the offset stays.
   */
  async onDeadLetter(item: Quarantined, error: Error): Promise<void> {
    if (item.type !== 'ErasureRequested' || item.value === null) {
      this.parts.logger.error(
        { partition: item.partition, offset: item.offset },
        'a command can not be decoded',
      )
      return
    }
    const wanted = this.wanted([item as unknown as Item])
    await this.failAll(wanted, error)
  }

  /** This system's passes of a batch, once each: of several attempts only the last one counts. */
  private wanted(items: readonly Item[]): WantedPass[] {
    const { systemId } = this.parts
    const wanted = new Map<string, WantedPass>()
    items.forEach(({ value, headers }, item) => {
      for (const pass of value.passes) {
        if (pass.systemId !== systemId) continue
        const { requestId, mapVersion } = value
        const known = wanted.get(passKey({ requestId, passId: pass.passId }))
        if (known && known.attempt >= pass.attempt) continue
        const { stepId, passId, attempt } = pass
        const traceparent = headers.traceparent
        wanted.set(passKey({ requestId, passId }), {
          requestId,
          mapVersion,
          systemId,
          stepId,
          passId,
          attempt,
          item,
          ...(traceparent ? { traceparent } : {}),
        })
      }
    })
    return [...wanted.values()]
  }

  /** Gives back the passes that must be tried again, with the reason. */
  private async eraseChunk(
    version: number,
    chunk: readonly WantedPass[],
    context: Context,
  ): Promise<Map<WantedPass, Error>> {
    const startedAt = this.now()
    let session: Session
    let receipts: readonly Receipt[]
    let marker: Marker | undefined
    try {
      session = await this.parts.systems.session(version)
      ;[receipts = [], marker] = await Promise.all([
        session.receipts?.read(chunk),
        session.receipts?.marker(),
      ])
    } catch (error) {
      await this.parts.systems.pauseIfAway(error)
      if (chunk.filter((pass) => this.patience.hasFor(pass, error)).length > 0) throw waits(error)
      await this.failAll(chunk, error)
      return new Map()
    }
    const told = receipts.flatMap((receipt) => readReceipt(receipt) ?? [])
    await this.republish(told, chunk)
    const done = new Set(told.map(passKey))
    const open = chunk.filter((pass) => !done.has(passKey(pass)))
    const { cleared, paused } = await this.clear(open, context.signal, marker)
    if (cleared.size === 0) return new Map()
    const failures = await this.eraseCleared(session, open, cleared, context)
    batchPasses.observe(ofEraser(this.parts.systemId), cleared.size)
    batchSeconds.observe(ofEraser(this.parts.systemId), (this.now() - startedAt) / 1_000)
    // Redelivered whole: what was just done repeats its acknowledgement, the rest is asked for again.
    if (paused !== null) throw paused
    return failures
  }

  private async eraseCleared(
    session: Session,
    wanted: readonly WantedPass[],
    cleared: ReadonlyMap<string, ClearedPass>,
    context: Context,
  ): Promise<Map<WantedPass, Error>> {
    const passes = [...cleared.values()]
    const acknowledgements = new Acknowledgements(cleared, this.parts.connector.version, this.now)
    const expiresAt = Math.min(...passes.map(({ grant }) => grant.expiresAt))
    const deadline = AbortSignal.timeout(Math.max(0, expiresAt - this.now()))
    const io: EraseIo = {
      signal: AbortSignal.any([context.signal, deadline]),
      now: this.now,
      receipt: (pass, outcome) => acknowledgements.receipt(pass, outcome),
    }
    const settlements = await spansAround(
      'eraser.erase',
      tracedPasses(this.parts.systemId, passes),
      async (mark) => {
        const settled = await settle(session, passes.map(withoutKey), io)
        settled.forEach((settlement, index) => {
          mark(index, settlementAttributes(settlement))
        })
        return settled
      },
    )
    const retry = new Map<string, Error>()
    const errors: (readonly [ClearedPass, unknown])[] = []
    const messages: wire.ErasureAcknowledged[] = []
    passes.forEach((pass, index) => {
      const settlement = settlements[index] as Settlement
      const told = settlement.by === 'receipt' ? readReceipt(settlement.receipt) : null
      if (told !== null) messages.push(told)
      else if (settlement.by === 'receipt') errors.push([pass, damaged()])
      else if (undone(settlement, io.signal)) retry.set(passKey(pass), expired())
      else if (settlement.by === 'outcome') messages.push(acknowledgements.of(pass, settlement.outcome))
      else errors.push([pass, settlement.error])
    })
    this.pacer.report(retry.size === 0)
    // What is done is told first: pausing for the rest must not hide it.
    await this.publish(messages, wanted)
    if (errors.length > 0) {
      await this.parts.systems.pauseIfAway(errors[0]?.[1])
      const own = errors.filter(([pass, error]) => {
        const patient = this.patience.hasFor(pass, error)
        if (patient) retry.set(passKey(pass), waits(error))
        return !patient
      })
      for (const [pass, err] of own) this.parts.logger.warn({ ...idsOf(pass), err }, 'a pass failed')
      const failed = own.map(([pass, error]) => acknowledgements.failed(pass, error))
      await this.publish(failed, wanted)
    }
    for (const pass of passes) if (!retry.has(passKey(pass))) this.patience.forget(pass)
    return new Map(
      wanted.flatMap((pass) => {
        const error = retry.get(passKey(pass))
        return error ? [[pass, error] as const] : []
      }),
    )
  }

  private async clear(wanted: readonly WantedPass[], signal: AbortSignal, marker?: Marker): Promise<Asked> {
    const { request, systemId } = this.parts
    const asked = await spansAround('eraser.clearance', tracedPasses(systemId, wanted), () =>
      askClearance(request, systemId, wanted, signal, marker),
    )
    for (const { pass, decision, code } of asked.refused) {
      passesTotal.inc({ ...ofEraser(this.parts.systemId), outcome: decision })
      this.parts.logger.info({ ...idsOf(pass), decision, code }, 'a pass got no clearance and is dropped')
    }
    return asked
  }

  /** Acknowledges passes as failed; they need clearance for that too, and get none when nobody waits for them. */
  private async failAll(wanted: readonly WantedPass[], error: unknown): Promise<void> {
    const { cleared, paused } = await this.clear(wanted, AbortSignal.timeout(5_000))
    const acknowledgements = new Acknowledgements(cleared, this.parts.connector.version, this.now)
    const { errorCode } = failureOf(error)
    for (const pass of cleared.values())
      this.parts.logger.error({ ...idsOf(pass), errorCode, err: error }, 'a pass failed')
    const messages = [...cleared.values()].map((pass) => acknowledgements.failed(pass, error))
    await this.publish(messages, wanted)
    if (paused !== null) throw paused
  }

  private async republish(
    told: readonly wire.ErasureAcknowledged[],
    wanted: readonly WantedPass[],
  ): Promise<void> {
    if (told.length === 0) return
    passesTotal.inc({ ...ofEraser(this.parts.systemId), outcome: 'republished' }, told.length)
    await this.send(told, wanted)
  }

  private async publish(
    messages: readonly wire.ErasureAcknowledged[],
    wanted: readonly WantedPass[],
  ): Promise<void> {
    await this.send(messages, wanted)
    for (const { outcome } of messages) passesTotal.inc({ ...ofEraser(this.parts.systemId), outcome })
  }

  private async send(
    messages: readonly wire.ErasureAcknowledged[],
    wanted: readonly WantedPass[],
  ): Promise<void> {
    const traces = new Map(wanted.map((pass) => [passKey(pass), pass.traceparent]))
    await spansAround(
      'eraser.acknowledge',
      tracedPasses(
        this.parts.systemId,
        messages.map((value) => ({ ...value, traceparent: traces.get(passKey(value)) })),
      ),
      (mark) => {
        messages.forEach((value, index) => {
          mark(index, outcomeAttributes(value))
        })
        return publishOrPause(this.parts.publisher, outgoingOf(messages, traces))
      },
    )
  }
}

function outgoingOf(
  messages: readonly wire.ErasureAcknowledged[],
  traces: ReadonlyMap<string, string | undefined>,
): Outgoing[] {
  return messages.map((value): Outgoing => {
    const traceparent = traceparentFor(value.requestId) ?? traces.get(passKey(value))
    return {
      topic: 'erasure.acknowledged',
      key: value.subjectRef,
      type: 'ErasureAcknowledged',
      value,
      id: value.ackId,
      time: value.finishedAt,
      attempt: value.attempt,
      ...(traceparent ? { traceparent } : {}),
    }
  })
}

/** Kafka being away is nobody's fault: the receipt is there, and the command comes again. */
export async function publishOrPause(publisher: Publisher, messages: readonly Outgoing[]): Promise<void> {
  if (messages.length === 0) return
  try {
    await publisher.send(messages)
  } catch (cause) {
    if (!(cause instanceof RetryableError)) throw cause
    throw new PausedError('publish_failed', 'Acknowledgements can not be published; work waits.', { cause })
  }
}

const damaged = () =>
  new TerminalError(
    'receipt_unreadable',
    'What the store kept as receipt of this pass is none; try the system again.',
  )

const idsOf = ({ requestId, passId, attempt }: { requestId: string; passId: string; attempt: number }) => ({
  requestId,
  passId,
  attempt,
})

const expired = () => new RetryableError('grant_expired', 'The grant ended before the change was committed.')

/** Whether a pass was cut short by its grant's end or by shutdown: then nothing was committed, nothing is told. */
function undone(settlement: Settlement, signal: AbortSignal): boolean {
  if (settlement.by === 'receipt') return false
  const failure =
    settlement.by === 'error'
      ? failureOf(settlement.error)
      : settlement.outcome.outcome === 'failed' && settlement.outcome
  if (!failure) return false
  return failure.errorCode === 'grant_expired' || (signal.aborted && failure.errorClass !== 'terminal')
}

function withoutKey({ macKey: _, ...pass }: ClearedPass) {
  return pass
}
