import { randomUUID } from 'node:crypto'
import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Identifier } from '../domain/identifier.js'
import type { Caller } from '../domain/permissions.js'
import type { Vault } from '../vault/vault.js'
import { auditPersonSearch, auditWhere } from './audit.js'
import type { DataMaps } from './data-maps.js'
import { foundIn, Held } from './held.js'
import type { IdentityResolution, ProbeClient } from './identity.js'

export interface NamedPerson {
  readonly tenantId: string
  /** Normalised. */
  readonly identifiers: readonly Identifier[]
}

export interface FoundRequests {
  /** Newest first. */
  readonly requestIds: readonly string[]
  /** There are more than are told. */
  readonly truncated: boolean
}

export interface Source {
  readonly systemId: string
  /** By what the source itself knows the person; empty where it holds nothing or is not known. */
  readonly ids: readonly Identifier[]
  /** Records per collection; null where nobody could look. */
  readonly collections: Readonly<Record<string, number>> | null
}

export interface WhereAnswer {
  /** The id of this question in the audit. */
  readonly whereId: string
  readonly holding: readonly Source[]
  /** Looked into, and nothing was found. */
  readonly without: readonly string[]
  /** Nobody could look into these now: what they hold is not known. */
  readonly unknown: readonly string[]
}

const MOST = 100

/** Who is meant is in the question only: nothing of it is stored, and the audit names nobody. */
export class People {
  private readonly held: Held

  constructor(
    private readonly pool: Pool,
    private readonly vault: Pick<Vault, 'digests'>,
    private readonly maps: DataMaps,
    private readonly identity: IdentityResolution,
    private readonly probes: ProbeClient,
    private readonly now: () => number = Date.now,
  ) {
    this.held = new Held(maps, probes)
  }

  /** Requests made for a person, by the digests of what is given, under every live pepper. */
  async requests(caller: Caller, { tenantId, identifiers }: NamedPerson): Promise<FoundRequests> {
    const searchId = randomUUID()
    await auditPersonSearch(this.pool, { at: this.now(), credentialId: caller.id, searchId })
    const { rows } = await this.pool.query<{ request_id: string }>(
      `SELECT request_id FROM read_model.requests WHERE request_id IN (
         SELECT request_id FROM vault.digests WHERE tenant_id = $1 AND digest = ANY ($2)) AND tenant_id = $1
       ORDER BY received_at DESC, request_id LIMIT $3`,
      [tenantId, this.vault.digests(tenantId, identifiers), MOST + 1],
    )
    return {
      requestIds: rows.slice(0, MOST).map((row) => row.request_id),
      truncated: rows.length > MOST,
    }
  }

  /**
   * Which sources hold a person, and by which ids; asks probes, which read only.
   *
   * @throws ProblemError `unknown_tenant`, `ambiguous_subject`, `invalid_identifier`
   */
  async where(caller: Caller, { tenantId, identifiers }: NamedPerson): Promise<WhereAnswer> {
    const unknown = this.maps.unknownTenant(tenantId) ?? this.maps.unknownVendor(identifiers)
    if (unknown !== null) throw unknown
    const whereId = randomUUID()
    const systemIds = this.maps.applicable()
    const receivedAt = this.now()
    await auditWhere(this.pool, { at: receivedAt, credentialId: caller.id, whereId, systemIds })
    const subject = { subjectRef: whereId, tenantId, identifiers, receivedAt }
    const resolvers = this.maps.resolvers()
    const canonical = this.maps.current.identifiers.canonical
    const [resolution] = await this.identity.resolve([subject], resolvers, canonical)
    if (resolution?.kind === 'many')
      throw problem('ambiguous_subject', 'Name the person by an identifier that is theirs alone.', {
        candidates: resolution.candidates,
      })
    if (resolution === undefined || resolution.kind === 'unreachable')
      return { whereId, holding: [], without: [], unknown: systemIds }
    const person = { ...subject, identifiers: resolution.identifiers }
    const counted = await this.held.count(systemIds, person, resolution.identifiers)
    const found = systemIds.filter((systemId) => foundIn(counted.get(systemId)) > 0)
    const holding = await Promise.all(
      found.map(async (systemId) => ({
        systemId,
        ids: await this.ownIds(systemId, resolvers, person),
        collections: Object.fromEntries(
          Object.entries(counted.get(systemId) ?? {}).map(([name, one]) => [name, one.found]),
        ),
      })),
    )
    return {
      whereId,
      holding,
      without: systemIds.filter((systemId) => counted.has(systemId) && !found.includes(systemId)),
      unknown: systemIds.filter((systemId) => !counted.has(systemId)),
    }
  }

  /** What the source says itself, where it resolves; else what it is looked into by. */
  private async ownIds(
    systemId: string,
    resolvers: readonly string[],
    person: NamedPerson & { readonly subjectRef: string; readonly receivedAt: number },
  ): Promise<readonly Identifier[]> {
    const lookedFor = this.maps.neededBy(systemId, person.identifiers)
    if (!resolvers.includes(systemId)) return lookedFor
    const [people = []] = await this.probes.resolve(systemId, [person]).catch(() => [])
    const said = people.flat()
    return said.length === 0 ? lookedFor : said
  }
}
