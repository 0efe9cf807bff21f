import { LetheError, PausedError } from '@lethe/service-host'
import type { Connector, IdentifierType, OpenContext, ProbeSession, Role, Session } from './connector.js'
import type { MapSection, RequestPort } from './request-client.js'
import type { RestoreSession } from './restoring.js'

interface Closable {
  close(): Promise<void>
}

/** Versions of the map with passes under way at the same time are few; more than this are closed again. */
const MOST_OPEN = 4
const CURRENT_MS = 5_000

/** Opens the store as the data map describes it, once per version of the map, and keeps it open. */
export class Systems {
  private readonly erasing = new Map<number, Promise<Session>>()
  private readonly probing = new Map<number, Promise<ProbeSession>>()
  private readonly restoring = new Map<number, Promise<RestoreSession>>()
  private readonly erasingPresent = new Map<number, Promise<Session>>()
  private readonly probingPresent = new Map<number, Promise<ProbeSession>>()
  private current: { readonly version: number; readonly until: number } | undefined

  constructor(
    private readonly connector: Connector,
    private readonly systemId: string,
    private readonly request: RequestPort,
    private readonly secret: (name: string) => string | undefined,
    private readonly role: Role = 'erase',
  ) {}

  session(version: number): Promise<Session> {
    return this.kept(this.erasing, version, (context) => this.connector.open(context))
  }

  probe(version: number): Promise<ProbeSession> {
    return this.kept(this.probing, version, (context) => this.connector.openProbe(context))
  }

  /**
   * As `session`, for an older version of the map over a copy: of what the copy still has. Null when that is nothing.
   * Never for a pass of a plan, which must not leave out what is gone.
   */
  sessionOfPresent(version: number): Promise<Session | null> {
    return this.ofPresent(this.erasingPresent, version, (context) => this.connector.open(context))
  }

  /** As `sessionOfPresent`, for looking. */
  probeOfPresent(version: number): Promise<ProbeSession | null> {
    return this.ofPresent(this.probingPresent, version, (context) => this.connector.openProbe(context))
  }

  private async ofPresent<S extends Closable>(
    sessions: Map<number, Promise<S>>,
    version: number,
    open: (context: OpenContext<unknown, unknown>) => Promise<S>,
  ): Promise<S | null> {
    const known = sessions.get(version)
    if (known) return known
    const context = await this.context(version)
    const system = this.connector.present ? await this.connector.present(context) : context.system
    return system === null ? null : this.kept(sessions, version, () => open({ ...context, system }))
  }

  /** The replay role's session. Throws PausedError `restore_unsupported` when the connector has none. */
  restore(version: number): Promise<RestoreSession> {
    const open = this.connector.openRestore?.bind(this.connector)
    if (open === undefined)
      throw new PausedError('restore_unsupported', `${this.connector.kind} can not be watched for restores.`)
    return this.kept(this.restoring, version, (context) => open(context))
  }

  /** Version of the map in force, asked again every few seconds. */
  async currentVersion(): Promise<number> {
    const now = Date.now()
    if (this.current && now < this.current.until) return this.current.version
    const { version } = await this.request.section('current', this.systemId)
    this.current = { version, until: now + CURRENT_MS }
    return version
  }

  /** The identifier type people are known by in the map in force. */
  async canonical(): Promise<IdentifierType> {
    return (await this.request.section('current', this.systemId)).canonical
  }

  /** The session of the map in force, for preview, resolution and readiness. */
  async currentSession(): Promise<Session> {
    return this.session(await this.currentVersion())
  }

  /** As `check`, and the probe's own session can be opened too. */
  async checkProbe(): Promise<void> {
    await this.check()
    if (this.current) await this.probe(this.current.version)
  }

  /** Resolves when the store answers with this deployment's credentials. */
  async check(): Promise<void> {
    const session = await this.currentSession()
    await session.describe(this.role)
  }

  /**
   * Tells a store that is away, or refuses everybody, from a pass that can not be done: throws PausedError in
   * the first case, so that no attempt is spent on it.
   */
  async pauseIfAway(error: unknown): Promise<void> {
    try {
      await this.check()
    } catch (cause) {
      if (cause instanceof PausedError) throw cause
      const code =
        cause instanceof LetheError ? cause.code : error instanceof LetheError ? error.code : 'store_away'
      throw new PausedError(code, `${this.systemId} can not be used; its work waits.`, { cause })
    }
  }

  async close(): Promise<void> {
    const kinds = [this.erasing, this.probing, this.restoring, this.erasingPresent, this.probingPresent]
    const open = kinds.flatMap((sessions): Promise<Closable>[] => [...sessions.values()])
    for (const sessions of kinds) sessions.clear()
    await Promise.allSettled(open.map(async (session) => (await session).close()))
  }

  private async kept<S extends Closable>(
    sessions: Map<number, Promise<S>>,
    version: number,
    open: (context: OpenContext<unknown, unknown>) => Promise<S>,
  ): Promise<S> {
    const known = sessions.get(version)
    if (known) return known
    const opening = this.context(version).then(open)
    sessions.set(version, opening)
    opening.catch(() => {
      // The next use tries again: a failed opening is not kept.
      if (sessions.get(version) === opening) sessions.delete(version)
    })
    const session = await opening
    await closeOldest(sessions)
    return session
  }

  private async context(version: number): Promise<OpenContext<unknown, unknown>> {
    return this.contextOf(await this.request.section(version, this.systemId))
  }

  /**
   * What a connector opens for a section of some map. Throws PausedError `map_mismatch`,
   * `credentials_missing` or `credentials_invalid` when this deployment can't.
   */
  contextOf(section: MapSection): OpenContext<unknown, unknown> {
    if (section.system.systemId !== this.systemId)
      throw new PausedError('map_mismatch', `This deployment is ${this.systemId}'s: ask another one.`)
    return {
      systemId: this.systemId,
      options: this.options(section),
      system: this.parsedBody(section),
      tenant: section.tenant,
      canonical: section.canonical,
      ceiling: section.system.ceiling,
      neverHeld: section.system.neverHeld ?? {},
    }
  }

  private parsedBody(section: MapSection): unknown {
    const { kind, body } = section.system
    const parsed = kind === this.connector.kind ? this.connector.system.safeParse(body) : undefined
    if (parsed?.success) return parsed.data
    throw new PausedError(
      'map_mismatch',
      `Version ${section.version} of the data map describes ${this.systemId} in a way that this eraser (${this.connector.kind} ${this.connector.version}) does not know.`,
    )
  }

  private options(section: MapSection): unknown {
    const { connection } = section.system
    // The deployment's own settings are no connection, whatever a map says.
    const url = connection.startsWith('LETHE_') ? undefined : this.secret(connection)
    if (url === undefined)
      throw new PausedError('credentials_missing', `Set ${connection} to the connection of ${this.systemId}.`)
    const parsed = this.connector.options.safeParse({ url })
    if (parsed.success) return parsed.data
    throw new PausedError(
      'credentials_invalid',
      `${connection} is not a connection that ${this.connector.kind} knows.`,
    )
  }
}

async function closeOldest<S extends Closable>(sessions: Map<number, Promise<S>>): Promise<void> {
  if (sessions.size <= MOST_OPEN) return
  const [oldest] = [...sessions.keys()].sort((a, b) => a - b)
  if (oldest === undefined) return
  const session = await sessions.get(oldest)
  sessions.delete(oldest)
  await session?.close()
}
