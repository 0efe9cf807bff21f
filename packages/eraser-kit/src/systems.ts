import { createHash } from 'node:crypto'
import { LetheError, PausedError } from '@lethe/service-host'
import type { Connector, IdentifierType, OpenContext, ProbeSession, Role, Session } from './connector.js'
import { OpenSessions } from './open-sessions.js'
import type { MapSection, RequestPort } from './request-client.js'
import type { RestoreSession } from './restoring.js'

const CURRENT_MS = 5_000
/** How long what a store has of an older map is believed: tables come and go while Lethe runs. */
const PRESENT_MS = 30_000

type Context = OpenContext<unknown, unknown>

/** Opens the store as the data map describes it, once per version of the map, and keeps it open. */
export class Systems {
  private readonly erasing = new OpenSessions<Session>()
  private readonly probing = new OpenSessions<ProbeSession>()
  private readonly restoring = new OpenSessions<RestoreSession>()
  private readonly erasingPresent = new OpenSessions<Session>()
  private readonly probingPresent = new OpenSessions<ProbeSession>()
  private readonly presence = new Map<
    number,
    { readonly of: Promise<Context | null>; readonly until: number }
  >()
  /** What versions of the map say of this system. */
  private readonly forms = new Map<number, string>()
  private current: { readonly version: number; readonly until: number } | undefined

  constructor(
    private readonly connector: Connector,
    private readonly systemId: string,
    private readonly request: RequestPort,
    private readonly secret: (name: string) => string | undefined,
    private readonly role: Role = 'erase',
  ) {}

  session(version: number): Promise<Session> {
    return this.erasing.get(String(version), async () => this.connector.open(await this.context(version)))
  }

  probe(version: number): Promise<ProbeSession> {
    return this.probing.get(String(version), async () =>
      this.connector.openProbe(await this.context(version)),
    )
  }

  /**
   * As `session`, for an older version of the map over a copy: of what the copy still has. Null when that is nothing.
   * Never for a pass of a plan, which must not leave out what is gone.
   */
  sessionOfPresent(version: number): Promise<Session | null> {
    return this.ofPresent(this.erasingPresent, version, (context) => this.connector.open(context))
  }

  /** As `sessionOfPresent`, for looking: only where that version says. */
  probeOfPresent(version: number): Promise<ProbeSession | null> {
    return this.ofPresent(this.probingPresent, version, (context) => this.connector.openProbe(context))
  }

  /** The version in force where it says the same of this system, so that one session serves both; else that version. */
  async servedBy(version: number): Promise<number> {
    const current = await this.currentVersion()
    if (version === current) return version
    return (await this.formOf(version)) === (await this.formOf(current)) ? current : version
  }

  private async formOf(version: number): Promise<string> {
    const known = this.forms.get(version)
    if (known !== undefined) return known
    const { tenant, canonical, system } = await this.request.section(version, this.systemId)
    const { kind, ceiling, neverHeld, body } = system
    const form = digestOf([tenant, canonical, kind, ceiling, neverHeld, body])
    this.forms.set(version, form)
    return form
  }

  private async ofPresent<S extends { close(): Promise<void> }>(
    sessions: OpenSessions<S>,
    version: number,
    open: (context: Context) => Promise<S>,
  ): Promise<S | null> {
    const context = await this.contextOfPresent(version)
    return context && sessions.get(`${version} ${digestOf(context.system)}`, () => open(context))
  }

  private contextOfPresent(version: number): Promise<Context | null> {
    const known = this.presence.get(version)
    if (known && Date.now() < known.until) return known.of
    const of = this.readPresent(version)
    this.presence.set(version, { of, until: Date.now() + PRESENT_MS })
    of.catch(() => this.presence.delete(version))
    return of
  }

  private async readPresent(version: number): Promise<Context | null> {
    const [older, current] = await Promise.all([
      this.request.section(version, this.systemId),
      this.request.section('current', this.systemId),
    ])
    // What another kind of store held is not in this one.
    if (older.system.kind !== this.connector.kind) return null
    // The store that answers now is meant, wherever it was then.
    const { connection } = current.system
    const context: Context = {
      ...this.contextOf({ ...older, system: { ...older.system, connection } }),
      mappedOnly: true,
    }
    const inForce = this.parsedBody(current)
    const system = this.connector.present ? await this.connector.present(context, inForce) : context.system
    return system === null ? null : { ...context, system }
  }

  /** The replay role's session. Throws PausedError `restore_unsupported` when the connector has none. */
  restore(version: number): Promise<RestoreSession> {
    const open = this.connector.openRestore?.bind(this.connector)
    if (open === undefined)
      throw new PausedError('restore_unsupported', `${this.connector.kind} can not be watched for restores.`)
    return this.restoring.get(String(version), async () => open(await this.context(version)))
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
    this.presence.clear()
    await Promise.all([
      this.erasing.close(),
      this.probing.close(),
      this.restoring.close(),
      this.erasingPresent.close(),
      this.probingPresent.close(),
    ])
  }

  private async context(version: number): Promise<Context> {
    return this.contextOf(await this.request.section(version, this.systemId))
  }

  /**
   * What a connector opens for a section of some map. Throws PausedError `map_mismatch`,
   * `credentials_missing` or `credentials_invalid` when this deployment can't.
   */
  contextOf(section: MapSection): Context {
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

const digestOf = (said: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(said) ?? '')
    .digest('base64url')
