import { Pace, tooOften } from '@lethe/service-host'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'

/** Who asks about a person, and from where. */
export interface Asking {
  readonly identity: Identity
  readonly address: string
}

/** People share an address: an office's, or a proxy's. */
const CREDENTIALS_PER_ADDRESS = 5

/**
 * Bounds how often people are named: every time it is a question about somebody, and who asks without end goes
 * through a list of them. Counted by the credential, over all of its sessions, and by the address.
 */
export class Naming {
  private readonly credentials: Pace
  private readonly addresses: Pace
  /** Credentials whose refusal is in the audit already; the next time they are let in it is over. */
  private readonly told = new Set<string>()

  constructor(
    private readonly perMinute: number,
    private readonly journal: Pick<Journal, 'note'>,
    now: () => number = Date.now,
  ) {
    this.credentials = new Pace({ most: perMinute }, now)
    this.addresses = new Pace({ most: CREDENTIALS_PER_ADDRESS * perMinute }, now)
  }

  /** @throws ProblemError `too_many_attempts` with the seconds to wait as `retryAfter`; the first of a row is audited */
  assertAllowed({ identity, address }: Asking, action: string, target: string): void {
    const { id } = identity.caller
    const waitMs = Math.max(this.credentials.waitMs(id), this.addresses.waitMs(address))
    if (waitMs > 0) {
      if (!this.told.has(id))
        this.journal.note({ ...entryOf(identity, action, target), outcome: 'too_many_attempts' })
      this.told.add(id)
      throw tooOften(`No more than ${this.perMinute} people a minute may be asked about.`, waitMs)
    }
    this.told.delete(id)
    this.credentials.took(id)
    this.addresses.took(address)
  }
}
