import { LetheError, type Logger, TerminalError } from '@lethe/service-host'
import type { Connector, Description, Finding, Grants, Role } from './connector.js'
import type { MapSection, RequestPort } from './request-client.js'
import type { Systems } from './systems.js'

export interface MapCheckParts {
  readonly systemId: string
  readonly role: Role
  readonly connector: Connector
  readonly systems: Systems
  readonly request: RequestPort
  readonly logger: Logger
}

/** What one system has to say of one data map. */
export interface SystemCheck {
  /** Version of the server or API; null when it was not asked because the section alone is wrong. */
  readonly version: string | null
  readonly findings: readonly Finding[]
  readonly grants: Grants | null
}

/** Failures that are about the map or this deployment, not about the store being away. */
const ABOUT_THE_MAP = new Set(['map_mismatch', 'credentials_missing', 'credentials_invalid', 'map_unknown'])

/** The data map against the live store, with this deployment's credentials. Changes nothing. */
export class MapCheck {
  private readonly told = new Set<string>()

  constructor(private readonly parts: MapCheckParts) {}

  /** Checks `section`, or the map in force. Throws a RetryableError or PausedError when the store can't be asked. */
  async check(section?: MapSection): Promise<SystemCheck> {
    const { systemId, request, systems } = this.parts
    try {
      const wanted = section ?? (await request.section('current', systemId))
      const { version, findings, grants } = await this.described(systems.contextOf(wanted))
      return { version, findings, grants: grants ?? null }
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      if (error.errorClass !== 'terminal' && !ABOUT_THE_MAP.has(error.code)) throw error
      return { version: null, findings: [asFinding(error, systemId)], grants: null }
    }
  }

  /**
   * For readiness: resolves when the map in force fits the store. Else says in the log what is wrong and
   * where, once, and throws a TerminalError with the first error's code. Work goes on for everybody it can.
   */
  async ready(): Promise<void> {
    const findings = await this.current()
    this.tell(findings)
    const first = findings.find(({ level }) => level === 'error')
    if (first) throw new TerminalError(first.code, `The data map does not fit ${this.parts.systemId}.`)
  }

  private async current(): Promise<readonly Finding[]> {
    try {
      const session = await this.parts.systems.currentSession()
      return (await session.describe(this.parts.role)).findings
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error
      // Opening stops at the first thing that does not fit; whoever reads the log wants all of them.
      const { findings } = await this.check()
      return findings.some(({ level }) => level === 'error')
        ? findings
        : [...findings, asFinding(error, this.parts.systemId)]
    }
  }

  private async described(context: Parameters<Connector['open']>[0]): Promise<Description> {
    const { connector, role } = this.parts
    if (connector.check) return connector.check(context, role)
    const session = await connector.open(context)
    try {
      return await session.describe(role)
    } finally {
      await session.close()
    }
  }

  private tell(findings: readonly Finding[]): void {
    const seen = new Set<string>()
    for (const { level, code, where, message, path } of findings) {
      const key = JSON.stringify([level, code, where, message])
      seen.add(key)
      if (this.told.has(key)) continue
      this.told.add(key)
      const what = { finding: code, where, mapPath: path?.join('.'), advice: message }
      if (level === 'error') this.parts.logger.error(what, 'the data map does not fit the store')
      else this.parts.logger.warn(what, 'the data map could fit the store better')
    }
    // What was put right and comes back is told again.
    for (const key of this.told) if (!seen.has(key)) this.told.delete(key)
  }
}

function asFinding({ code, message }: LetheError, where: string): Finding {
  return { level: 'error', code, where, message }
}
