import type { Role } from './connector.js'
import { ofEraser, ofProbe, passesTotal, probesTotal } from './metrics.js'
import type { Pacing } from './pacer.js'

/** What a deployment says of itself, again and again. Names nobody; times are milliseconds. */
export interface Beat {
  readonly systemId: string
  readonly role: Role
  /** Of this process; another one of the same deployment has another. */
  readonly instance: string
  /** Of the connector. */
  readonly version: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** `ok`, or the code of what keeps it from its store; null before it looked. */
  readonly store: string | null
  /** How far back the two counts reach. */
  readonly windowMs: number
  /** Passes, or looks of a probe, that came to something. */
  readonly done: number
  /** Those that failed, or could not tell. */
  readonly failed: number
  /** null: nothing is held back. */
  readonly pacing: Pacing | null
}

/** Since the process began. */
export interface Tally {
  readonly done: number
  readonly failed: number
}

interface Sample extends Tally {
  readonly at: number
}

export interface BeatParts extends Pick<Beat, 'systemId' | 'role' | 'instance' | 'version'> {
  readonly store: () => string | null
  readonly pacing: () => Pacing | null
  readonly tell: (beat: Beat) => Promise<void>
  readonly tally?: () => Promise<Tally>
  readonly now?: () => number
}

const WINDOW_MS = 60_000

/** Tells `request` that this deployment is there, and how it gets on over the last minute. */
export class Beats {
  private readonly samples: Sample[] = []
  private readonly startedAt: number
  private readonly now: () => number

  constructor(private readonly parts: BeatParts) {
    this.now = parts.now ?? Date.now
    this.startedAt = this.now()
    this.samples.push({ at: this.startedAt, done: 0, failed: 0 })
  }

  /** One beat. Throws as `tell` does; the next one tells what this one could not. */
  async beat(): Promise<void> {
    const { systemId, role, instance, version, store, pacing, tell } = this.parts
    const at = this.now()
    const { done, failed } = await (this.parts.tally ?? (() => talliedBy(systemId, role)))()
    this.samples.push({ at, done, failed })
    // The youngest that is a window old, and everything after it.
    while (this.samples.length > 2 && (this.samples[1]?.at ?? at) <= at - WINDOW_MS) this.samples.shift()
    const first = this.samples[0] ?? { at, done, failed }
    await tell({
      systemId,
      role,
      instance,
      version,
      startedAt: this.startedAt,
      store: store(),
      windowMs: at - first.at,
      done: done - first.done,
      failed: failed - first.failed,
      pacing: pacing(),
    })
  }
}

const ENDED: Readonly<Record<Role, Readonly<Record<string, keyof Tally>>>> = {
  erase: {
    erased: 'done',
    not_found: 'done',
    redacted: 'done',
    retained: 'done',
    deferred: 'done',
    expiring: 'done',
    unsupported: 'failed',
    failed: 'failed',
  },
  probe: { clean: 'done', residual: 'done', inconclusive: 'failed' },
}

/** From the metrics of the process; what got no clearance came to nothing and is neither. */
async function talliedBy(systemId: string, role: Role): Promise<Tally> {
  const { service } = role === 'probe' ? ofProbe(systemId) : ofEraser(systemId)
  const { values } = role === 'probe' ? await probesTotal.get() : await passesTotal.get()
  const tally = { done: 0, failed: 0 }
  for (const { labels, value } of values) {
    const named = labels as Readonly<Record<string, string | number | undefined>>
    const kind = ENDED[role][String(named['outcome'] ?? named['result'])]
    if (named['service'] === service && kind !== undefined) tally[kind] += value
  }
  return tally
}
