import type { Incoming, Outgoing, Quarantined, Verdict } from '@lethe/messaging'
import { macOf, type wire } from '@lethe/schemas'
import { PausedError, RetryableError, spansAround, traceparentFor } from '@lethe/service-host'
import { v7 as uuidv7 } from 'uuid'
import { failureOf } from './acknowledging.js'
import { LETHE_RESTORED, letheRestored } from './clearing.js'
import type { ProbeFinding, ProbeSession, Subject } from './connector.js'
import { type HostParts, publishOrPause } from './erase-host.js'
import { type Context, Gathering } from './gathering.js'
import { ofProbe, probesTotal } from './metrics.js'
import { tracedPasses } from './pass-spans.js'
import { passKey } from './settle.js'

type Item = Incoming<wire.ErasureProbeRequested>

interface WantedProbe {
  readonly requestId: string
  readonly tenantId: string
  readonly subjectRef: string
  readonly passId: string
  readonly probeKind: wire.ProbeKind
  readonly mapVersion: number
  readonly traceparent?: string
}

interface ClearedProbe extends WantedProbe {
  readonly subject: Subject
  readonly macKey: string
}

/** Subjects per call of a probe session. */
const CHUNK = 500

/**
 * Consumes probe commands of one system with read-only credentials. A look that could not be taken is
 * reported as `inconclusive`, never as `clean`; looking twice is harmless.
 */
export class ProbeHost {
  private readonly now: () => number
  private readonly gathering: Gathering<Item>

  constructor(private readonly parts: HostParts) {
    this.now = parts.now ?? Date.now
    this.gathering = new Gathering((items, context) => this.probeAll(items, context), {
      atOnce: 1,
      most: CHUNK / 2,
      parted: (err) => parts.logger.warn({ err }, 'gathered looks failed; each partition is done alone'),
    })
  }

  /** What several partitions bring at the same time is looked for together. Throws PausedError when `request` or Kafka can not be reached. */
  async handle(items: readonly Item[], context: Context): Promise<Verdict[]> {
    return [...(await this.gathering.handle(items, context))]
  }

  private async probeAll(items: readonly Item[], context: Context): Promise<Verdict[]> {
    const wanted = this.wanted(items)
    for (let from = 0; from < wanted.length; from += CHUNK) {
      const chunk = wanted.slice(from, from + CHUNK)
      await spansAround('probe.pass', tracedPasses(this.parts.systemId, chunk), () => this.probe(chunk))
      await context.heartbeat()
    }
    return items.map(() => ({ ok: true }))
  }

  private async probe(wanted: readonly WantedProbe[]): Promise<void> {
    const cleared = await this.clear(wanted)
    for (const version of new Set(cleared.map(({ mapVersion }) => mapVersion))) {
      const probes = cleared.filter((probe) => probe.mapVersion === version)
      await this.publish(await this.look(version, probes), probes)
    }
  }

  /** The request shows an inconclusive probe before a command goes to the dead-letter topic. */
  async onDeadLetter(item: Quarantined, error: Error): Promise<void> {
    if (item.type !== 'ErasureProbeRequested' || item.value === null) {
      this.parts.logger.error(
        { partition: item.partition, offset: item.offset },
        'a command can not be decoded',
      )
      return
    }
    const cleared = await this.clear(this.wanted([item as unknown as Item]))
    await this.publish(
      cleared.map((probe) => this.report(probe, inconclusive(error))),
      cleared,
    )
  }

  private wanted(items: readonly Item[]): WantedProbe[] {
    const wanted = new Map<string, WantedProbe>()
    for (const { value, headers } of items)
      for (const { systemId, passId, probeKind } of value.probes) {
        if (systemId !== this.parts.systemId) continue
        const { requestId, tenantId, subjectRef, mapVersion } = value
        const traceparent = headers.traceparent
        wanted.set(passKey({ requestId, passId }), {
          requestId,
          tenantId,
          subjectRef,
          passId,
          probeKind,
          mapVersion,
          ...(traceparent ? { traceparent } : {}),
        })
      }
    return [...wanted.values()]
  }

  private async clear(wanted: readonly WantedProbe[]): Promise<ClearedProbe[]> {
    if (wanted.length === 0) return []
    const { systemId, request, logger } = this.parts
    const passes = wanted.map(({ requestId, passId }) => ({ requestId, passId, attempt: 1 }))
    const given = await spansAround('probe.clearance', tracedPasses(systemId, wanted), () =>
      request.clear({ systemId, purpose: 'probe', passes }),
    )
    const answers = new Map(given.map((answer) => [passKey(answer), answer]))
    return wanted.flatMap((probe): ClearedProbe[] => {
      const answer = answers.get(passKey(probe))
      if (!answer)
        throw new PausedError('request_answer_incomplete', 'request did not answer for every probe.')
      const macKey = answer.macKey ?? answer.grant?.macKey
      if (answer.decision === 'go' && answer.subject && macKey !== undefined)
        return [{ ...probe, subject: answer.subject, macKey }]
      const { requestId, passId } = probe
      const { decision, code } = answer
      if (code === LETHE_RESTORED) throw letheRestored()
      probesTotal.inc({ ...ofProbe(systemId), result: decision })
      logger.info({ requestId, passId, decision, code }, 'a probe got no clearance and is dropped')
      return []
    })
  }

  private async look(version: number, probes: readonly ClearedProbe[]): Promise<wire.ProbeReported[]> {
    let session: ProbeSession
    try {
      session = await this.parts.systems.probe(version)
    } catch (error) {
      await this.parts.systems.pauseIfAway(error)
      return probes.map((probe) => this.report(probe, this.noted(probe, error)))
    }
    const findings = await spansAround('probe.look', tracedPasses(this.parts.systemId, probes), () =>
      this.findings(session, probes),
    )
    return probes.map((probe, index) => this.report(probe, findings[index] ?? inconclusive(undefined)))
  }

  /** Halves a batch whose look failed, so that one bad subject leaves the others their answer. */
  private async findings(session: ProbeSession, probes: readonly ClearedProbe[]): Promise<ProbeFinding[]> {
    try {
      const found = await session.probe(probes.map(({ subject }) => subject))
      // A short answer would give the next person somebody else's result.
      if (found.length !== probes.length)
        throw new RetryableError('findings_missing', 'The probe did not answer for everybody.')
      return found
    } catch (error) {
      const [only] = probes
      if (probes.length === 1 && only) {
        await this.parts.systems.pauseIfAway(error)
        return [this.noted(only, error)]
      }
      const middle = Math.ceil(probes.length / 2)
      const first = await this.findings(session, probes.slice(0, middle))
      return [...first, ...(await this.findings(session, probes.slice(middle)))]
    }
  }

  private noted({ requestId, passId }: WantedProbe, err: unknown): ProbeFinding {
    this.parts.logger.warn({ requestId, passId, err }, 'a probe could not look')
    return inconclusive(err)
  }

  private report(probe: ClearedProbe, finding: ProbeFinding): wire.ProbeReported {
    const unsealed: Omit<wire.ProbeReported, 'mac'> = {
      reportId: uuidv7(),
      requestId: probe.requestId,
      tenantId: probe.tenantId,
      subjectRef: probe.subjectRef,
      systemId: this.parts.systemId,
      passId: probe.passId,
      probeKind: probe.probeKind,
      checkedAt: this.now(),
      position: finding.position ?? null,
      residual: { ...finding.residual },
      result: finding.result,
      reasonCode: finding.reasonCode ?? null,
      nextCheckAt: null,
      connectorVersion: this.parts.connector.version,
    }
    return { ...unsealed, mac: macOf(unsealed, probe.macKey) }
  }

  private async publish(
    reports: readonly wire.ProbeReported[],
    probes: readonly WantedProbe[],
  ): Promise<void> {
    const traces = new Map(probes.map((probe) => [passKey(probe), probe.traceparent]))
    await spansAround('probe.report', tracedPasses(this.parts.systemId, probes), (mark) => {
      reports.forEach(({ result, residual, reasonCode }, index) => {
        mark(index, {
          'lethe.outcome': result,
          'lethe.count.residual': Object.values(residual).reduce((sum, count) => sum + count, 0),
          'error.type': reasonCode ?? undefined,
        })
      })
      return publishOrPause(this.parts.publisher, outgoingOf(reports, traces))
    })
    for (const { result } of reports) probesTotal.inc({ ...ofProbe(this.parts.systemId), result })
  }
}

const inconclusive = (error: unknown): ProbeFinding => ({
  result: 'inconclusive',
  residual: {},
  reasonCode: failureOf(error).errorCode,
})

function outgoingOf(
  reports: readonly wire.ProbeReported[],
  traces: ReadonlyMap<string, string | undefined>,
): Outgoing[] {
  return reports.map((value): Outgoing => {
    const traceparent = traceparentFor(value.requestId) ?? traces.get(passKey(value))
    return {
      topic: 'erasure.acknowledged',
      key: value.subjectRef,
      type: 'ProbeReported',
      value,
      id: value.reportId,
      time: value.checkedAt,
      ...(traceparent ? { traceparent } : {}),
    }
  })
}
