import { appendFileSync, writeFileSync } from 'node:fs'
import type { Fault, Target } from '../plan/faults.js'
import type { Life } from '../plan/requests.js'

/** A customer's records per place, as an independent look found them. */
export type Sighting = Readonly<Record<'shop-pg' | 'cache' | 'search', number>>

/** One line of what a run did and saw. Times are epoch milliseconds of this machine's own clock. */
export type Entry =
  | { readonly type: 'run'; readonly at: number; readonly seed: number; readonly version: string }
  | {
      readonly type: 'asked'
      readonly at: number
      readonly n: number
      readonly customer: number
      readonly life: Life
      readonly via: 'http' | 'intake'
      readonly key: string
    }
  /** An answer that says the request exists; for a message, that the broker has it. */
  | {
      readonly type: 'accepted'
      readonly at: number
      readonly n: number
      readonly requestId: string | null
      readonly intakeKey: string | null
    }
  | { readonly type: 'rejected'; readonly at: number; readonly n: number; readonly code: string }
  | {
      readonly type: 'held'
      readonly at: number
      readonly n: number
      readonly requestId: string
      readonly effectiveAt: number
    }
  /** What was there right after a hold's effective time, and right before it was released or the run ended. */
  | {
      readonly type: 'watched'
      readonly at: number
      readonly requestId: string
      readonly moment: 'effective' | 'last'
      readonly seen: Sighting
    }
  | { readonly type: 'released'; readonly at: number; readonly n: number; readonly requestId: string }
  | {
      readonly type: 'commanded'
      readonly at: number
      readonly n: number
      readonly requestId: string
      readonly command: string
      /** Problem code where it was refused. */
      readonly refused: string | null
    }
  | {
      readonly type: 'fault'
      readonly n: number
      readonly at: number
      readonly fault: Fault
      readonly target: string
      /** Accepted and neither over nor waiting for a person, when the fault began. */
      readonly inFlight: number
      /** The fault itself ended. */
      readonly overAt: number
      /** Until what was hurt worked again, from the fault's beginning; null when it did not in time. */
      readonly recoveredMs: number | null
      /** Other faults that were in force when it began. */
      readonly beside: number
      /** What was killed and worked again, each with its own time. */
      readonly kills: readonly { readonly target: Target; readonly recoveredMs: number }[]
    }
  | {
      readonly type: 'poison'
      readonly at: number
      readonly topic: string
      readonly form: string
      readonly partition: number
      readonly offset: string
    }
  | { readonly type: 'own-end'; readonly at: number; readonly name: string }
  | {
      readonly type: 'memory'
      readonly at: number
      readonly name: string
      readonly pid: number
      readonly kilobytes: number
      readonly inFlight: number
    }
  | {
      readonly type: 'lag'
      readonly at: number
      readonly name: string
      readonly group: string
      readonly topic: string
      readonly partition: string
      /** What the service said; null where it said nothing. */
      readonly reported: number | null
      readonly saidUnknown: boolean
      /** Kafka's own: the end before the question less the commit after it. Null where Kafka did not answer. */
      readonly atLeast: number | null
      /** The broker was down before the question was asked and until after it was answered. */
      readonly brokerDown: boolean
    }
  | { readonly type: 'alarm'; readonly at: number; readonly name: string; readonly deadLettered: number }
  | { readonly type: 'faults-over'; readonly at: number }
  | {
      readonly type: 'converged'
      readonly at: number
      readonly within: number
      readonly moving: number
      readonly outbox: number
    }
  | {
      readonly type: 'others'
      readonly at: number
      readonly moment: 'before' | 'after'
      readonly digest: string
      readonly records: number
    }
  /** What the project's own rebuild says of its read models; null when it could not be asked. */
  | { readonly type: 'rebuild'; readonly at: number; readonly differences: number | null }

export type EntryOf<T extends Entry['type']> = Extract<Entry, { type: T }>

/** Everything in memory and, line by line, in a file: a run that is cut off has its history too. */
export class History {
  readonly entries: Entry[] = []

  constructor(private readonly file: string | null) {
    if (file) writeFileSync(file, '')
  }

  add(entry: Entry): void {
    this.entries.push(entry)
    if (this.file) appendFileSync(this.file, `${JSON.stringify(entry)}\n`)
  }

  of<T extends Entry['type']>(type: T): EntryOf<T>[] {
    return this.entries.filter((entry): entry is EntryOf<T> => entry.type === type)
  }
}
