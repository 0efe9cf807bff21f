import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import {
  type Caller,
  type Credentials,
  type Identified,
  identified,
  type PeoplesTokens,
  ProblemError,
  problem,
} from '@lethe/service-host'
import { may } from '../domain/permissions.js'
import type { Journal } from './journal.js'

/** Somebody who has signed in. */
export interface Session {
  /** Names the session in the audit; it opens nothing. */
  readonly id: string
  readonly caller: Caller
  /** What they signed in with: asked again with every call, and what `request` is asked with. Never leaves otherwise. */
  readonly token: string
  /** Every call that changes something has to bring it along in a header. */
  readonly csrfToken: string
  /** What the tabs of the browser call what they share. It opens nothing, names nobody and is in no log. */
  readonly tabs: string
  /** Of a person's token, epoch milliseconds; null: a service credential, which says so itself. */
  readonly tokenEndsAt: number | null
  /** Epoch milliseconds. */
  readonly startedAt: number
  usedAt: number
  /** Aborts when the session has ended, for what goes on by itself. */
  readonly ended: AbortController
}

export interface SessionOptions {
  /** Milliseconds without use after which a session ends. */
  readonly idleMs: number
  /** Milliseconds after which a session ends, used or not. */
  readonly longestMs: number
  /** Sessions at once of one credential; the one unused longest makes room. */
  readonly mostEach: number
  readonly most: number
}

export const defaultSessionOptions: SessionOptions = {
  idleMs: 30 * 60_000,
  longestMs: 12 * 3_600_000,
  mostEach: 20,
  most: 2_000,
}

/** Why a session ended though nobody signed out. */
const reasons = {
  too_old: 'it has lasted as long as one may.',
  unused: 'nobody used it for too long.',
  credential_ended: 'its credential is not valid any more.',
  made_room: 'its credential has too many others.',
} as const
type Over = keyof typeof reasons

const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
const sameText = (a: string, b: string): boolean => {
  const [x, y] = [Buffer.from(digest(a)), Buffer.from(digest(b))]
  return timingSafeEqual(x, y)
}

/**
 * Sessions of people, in the memory of this process: a restart ends them all. Known by the digest of a secret that
 * only the browser's cookie holds.
 */
export class Sessions {
  private readonly known = new Map<string, Session>()
  /** Why sessions ended by themselves, so that whoever comes back with the cookie is told. */
  private readonly lapsed = new Map<string, Over>()

  constructor(
    private readonly credentials: Credentials,
    private readonly people: PeoplesTokens | null,
    private readonly journal: Pick<Journal, 'note'>,
    readonly options: SessionOptions = defaultSessionOptions,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws ProblemError `unauthenticated`, `forbidden` for who has nothing to look at here; told in the audit */
  async open(token: string): Promise<{ secret: string; session: Session }> {
    let credentialId = ''
    try {
      const found = await identified(token, this.credentials, this.people)
      credentialId = found.caller.id
      if (!may(found.caller, 'look')) throw problem('forbidden', 'None of your roles may look here.')
      return this.start(token, found)
    } catch (error) {
      this.refused(error instanceof ProblemError ? error.code : 'internal', credentialId)
      throw error
    }
  }

  /** Somebody was not let in. @param credentialId empty where nobody knows who */
  refused(outcome: string, credentialId = ''): void {
    this.journal.note({ credentialId, sessionId: null, action: 'sign_in', target: 'session', outcome })
  }

  private start(token: string, { caller, endsAt }: Identified): { secret: string; session: Session } {
    this.makeRoom(caller.id)
    const secret = randomBytes(32).toString('base64url')
    const at = this.now()
    const session: Session = {
      id: randomBytes(9).toString('base64url'),
      caller,
      token,
      csrfToken: randomBytes(32).toString('base64url'),
      tabs: randomBytes(12).toString('base64url'),
      tokenEndsAt: endsAt,
      startedAt: at,
      usedAt: at,
      ended: new AbortController(),
    }
    this.known.set(digest(secret), session)
    this.journal.note({ ...of(session), action: 'sign_in', target: 'session', outcome: 'done' })
    return { secret, session }
  }

  /**
   * The session of a cookie's secret. @param attended whether somebody sits there: a page that asks by itself
   * keeps no session alive. @throws ProblemError `unauthenticated` when there is none, or it has ended
   */
  find(secret: string, attended: boolean): Session {
    const key = digest(secret)
    const session = this.known.get(key)
    const why = session === undefined ? this.lapsed.get(key) : this.over(session)
    if (session !== undefined && why) this.lapse(key, session, why)
    if (why) throw ended(why)
    if (session === undefined) throw problem('unauthenticated', 'The session is not known. Sign in.')
    if (attended) session.usedAt = this.now()
    return session
  }

  /** @throws ProblemError `forbidden` */
  assertOwnPage(session: Session, csrfToken: unknown): void {
    if (typeof csrfToken === 'string' && sameText(csrfToken, session.csrfToken)) return
    this.journal.note({ ...of(session), action: 'forged_call', target: 'session', outcome: 'forbidden' })
    throw problem(
      'forbidden',
      "The call does not carry the session's own token (X-Lethe-Csrf), so nothing was done. Load the page anew.",
    )
  }

  /** Ends a session at once. Idempotent. */
  end(secret: string): void {
    const key = digest(secret)
    const session = this.known.get(key)
    if (session === undefined) return
    this.forget(key, session)
    this.journal.note({ ...of(session), action: 'sign_out', target: 'session', outcome: 'done' })
  }

  /** Ends what has run out, so that what goes on by itself ends in time though nobody asks. */
  endOverdue(): void {
    for (const [key, session] of this.known) {
      const why = this.over(session)
      if (why !== null) this.lapse(key, session, why)
    }
  }

  /** When it ends if nobody uses it from now on, and at the latest. Epoch milliseconds. */
  endOf({ usedAt, startedAt, tokenEndsAt }: Session): { idleAt: number; endsAt: number } {
    const { idleMs, longestMs } = this.options
    const longest = startedAt + longestMs
    return { idleAt: usedAt + idleMs, endsAt: Math.min(longest, tokenEndsAt ?? longest) }
  }

  private over(session: Session): Over | null {
    const { idleAt, endsAt } = this.endOf(session)
    const now = this.now()
    if (now >= endsAt) return 'too_old'
    if (now >= idleAt) return 'unused'
    if (session.tokenEndsAt !== null) return null
    const authentication = this.credentials.authenticate(session.token, now)
    return authentication.ok ? null : 'credential_ended'
  }

  private makeRoom(credentialId: string): void {
    this.endOverdue()
    const own = [...this.known].filter(([, { caller }]) => caller.id === credentialId)
    if (own.length >= this.options.mostEach) this.drop(own)
    else if (this.known.size >= this.options.most) this.drop([...this.known])
  }

  private forget(key: string, session: Session): void {
    this.known.delete(key)
    session.ended.abort(new Error('the session has ended'))
  }

  private drop(sessions: readonly (readonly [string, Session])[]): void {
    const [oldest] = sessions.toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
    if (oldest === undefined) return
    this.lapse(...oldest, 'made_room')
  }

  private lapse(key: string, session: Session, outcome: Over): void {
    this.forget(key, session)
    this.lapsed.set(key, outcome)
    const [oldest] = this.lapsed.keys()
    if (this.lapsed.size > this.options.most && oldest !== undefined) this.lapsed.delete(oldest)
    this.journal.note({ ...of(session), action: 'session_ended', target: 'session', outcome })
  }
}

const ended = (why: Over) =>
  problem('unauthenticated', `The session has ended: ${reasons[why]} Sign in again.`, { ended: why })

const of = ({ id, caller }: Session) => ({ credentialId: caller.id, sessionId: id })
