import { randomUUID } from 'node:crypto'
import { type Logger, ProblemError } from '@lethe/service-host'
import type { Pool } from 'pg'
import { type ActionRow, auditActions } from '../adapters/pg-audit.js'
import type { Identity } from './identity.js'

/** Who did what; names nobody. */
export interface Entry {
  readonly credentialId: string
  /** null: a bearer token, or nobody who is known. */
  readonly sessionId: string | null
  readonly action: string
  /** What it was done to: a request's id, a dead letter's origin. */
  readonly target: string
  readonly outcome: string
}

/** The entry of what somebody does, without its outcome. */
export const entryOf = (
  { caller, session }: Identity,
  action: string,
  target: string,
): Omit<Entry, 'outcome'> => ({
  credentialId: caller.id,
  sessionId: session?.id ?? null,
  action,
  target,
})

/** `audit.actions`, and the log for what a database that is away must not keep from happening. */
export class Journal {
  constructor(
    private readonly pool: Pick<Pool, 'query'>,
    private readonly logger: Pick<Logger, 'info' | 'warn'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** Written before it returns, or it throws. */
  async record(entries: readonly Entry[], actionId: string = randomUUID()): Promise<string> {
    await auditActions(
      this.pool,
      entries.map((entry) => this.row(entry, actionId)),
    )
    return actionId
  }

  /**
   * Written down before it is done and with what came of it; nothing is done that could not be written down first.
   * `work` gets the id under which its rows stand together.
   */
  async around<T>(entry: Omit<Entry, 'outcome'>, work: (actionId: string) => Promise<T>): Promise<T> {
    const actionId = await this.record([{ ...entry, outcome: 'asked' }])
    try {
      const result = await work(actionId)
      this.note({ ...entry, outcome: 'done' }, actionId)
      return result
    } catch (error) {
      this.note({ ...entry, outcome: error instanceof ProblemError ? error.code : 'internal' }, actionId)
      throw error
    }
  }

  /** Sign-ins and what came of an action: told in the log as well, and only there while the database is away. */
  note(entry: Entry, actionId: string = randomUUID()): void {
    const { credentialId, sessionId, action, outcome, target } = entry
    this.logger.info({ credentialId, sessionId, action, target, outcome }, 'audited')
    this.record([entry], actionId).catch((err: unknown) =>
      this.logger.warn(
        { err, action, outcome },
        'the audit could not be written; the line above is all there is',
      ),
    )
  }

  private row(entry: Entry, actionId: string): ActionRow {
    return { ...entry, actionId, at: this.now() }
  }
}
