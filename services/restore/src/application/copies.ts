import type { Connector, ProbeFinding } from '@lethe/eraser-kit'
import { type RequestPort, Systems } from '@lethe/eraser-kit/hosting'
import { type Caller, LetheError, problem } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import { originOf } from '../domain/marker.js'
import { hasParts, partOf } from '../domain/part.js'
import { may } from '../domain/permissions.js'
import { type Review, undatedBy } from '../domain/review.js'
import { counted, type Fate, nothing, seen } from '../domain/tally.js'
import { type CopyAge, type Reason, reasonsToWait, type Tally } from '../domain/waiting.js'
import { Applying, fateOf, type Readable } from './applying.js'
import { CopyDigests } from './copy-digests.js'
import { copyOrigin } from './copy-origin.js'
import { type CopyPage, CopyPages, nameOf } from './copy-pages.js'
import { isPutOff } from './digest-matching.js'
import { type ChainVerdict, noChain } from './self/chain-verdict.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { LiveTombstone, TombstoneSource } from './tombstone-source.js'
import { modesOf, type Sighted, undatedOf } from './undated.js'
import { type WatchedSystem, watchedSystem } from './watched-system.js'

/** A copy of a watched system that is not the one in use: staging, or a part of a backup. */
export interface Copy {
  readonly applyId: string
  readonly systemId: string
  /** Where it is, with its credentials; not kept, not logged. */
  readonly url: string
  /** Tables or indices where only those were restored. */
  readonly tables?: readonly string[] | undefined
  /** The service made it itself, just now: it shows the marker of the store in use, and is another one all the same. */
  readonly made?: true
}

export interface CheckedCopy {
  /** Live tombstones of the system. */
  readonly tombstones: number
  /** When the marker in the copy was written, epoch milliseconds; null when there is none. */
  readonly markerAt: number | null
  /** Why it can't be called clean, whatever is done. */
  readonly reasons: readonly Reason[]
}

export interface CopiesParts {
  /** Connectors by watched system. */
  readonly connectors: ReadonlyMap<string, Connector>
  readonly request: Pick<RequestPort, 'section'>
  readonly source: TombstoneSource
  readonly store: RestoreStore
  readonly reviews: ReviewStore
  readonly chain?: ChainVerdict
  readonly secret: string
  readonly incarnation: string
  readonly now?: () => number
}

/**
 * Applies live tombstones to a copy that whoever asks has the address of, page by page: nothing is kept here between
 * two pages, so either side may die and go on. Receipts in the copy repeat the true counts of a page done again. No
 * gate is touched, and no marker, the copy's own included.
 */
export class Copies {
  private readonly now: () => number
  private readonly applying: Applying
  private readonly digests: CopyDigests
  private readonly pages: CopyPages

  constructor(private readonly parts: CopiesParts) {
    this.now = parts.now ?? Date.now
    this.applying = new Applying(this.now)
    const { reviews, source } = parts
    this.digests = new CopyDigests({ reviews, source, applying: this.applying })
    this.pages = new CopyPages(source)
  }

  /** @throws ProblemError when it is not a copy of that system, or the one in use; audited */
  async check(caller: Caller, copy: Copy, dryRun: boolean): Promise<CheckedCopy> {
    const { store } = this.parts
    const { applyId, systemId, tables } = copy
    return this.opened(caller, copy, async (_system, age, markerAt) => {
      const detail = { applyId, dryRun, ...(tables ? { tables } : {}) }
      const at = this.now()
      const broken = await this.chain()
      await store.audit({ at, credentialId: caller.id, systemId, restoreId: null, action: 'apply', detail })
      const reasons = age === null ? [] : reasonsToWait(nothing, age)
      if (broken !== null) reasons.push(broken)
      return { tombstones: await store.liveTombstones(systemId, at), markerAt, reasons }
    })
  }

  async replay(caller: Caller, copy: Copy, cursor: string): Promise<CopyPage> {
    return this.opened(caller, copy, async (system, _age, _markerAt, copyMap) => {
      // What receipts are kept in, where the copy does not have it.
      await (await system.restore()).prepare()
      const name = nameOf(copy)
      const { signal } = new AbortController()
      return this.pages.page(copy, cursor, {
        phase: 'replay',
        ofPage: async ({ tombstones, validUntil }) => {
          const readable = tombstones.filter((one): one is Readable => !one.held && one.subject !== null)
          const run = { name, number: 1, systemId: copy.systemId, copyMap }
          const modes = await modesOf(this.parts.reviews, copy.systemId, readable)
          const told = await this.applying.eraseAll(run, system, readable, validUntil, signal, modes)
          return counted(nothing, [...untold(tombstones), ...told.map(({ outcome }) => fateOf(outcome))])
        },
        ofRest: (later) => this.digests.erase({ system, name, copyMap, signal, later }),
      })
    })
  }

  /** The last page is not clean where the chain of tombstones is broken: then nobody knows that it was everybody. */
  async probe(caller: Caller, copy: Copy, cursor: string): Promise<CopyPage> {
    const page = await this.probePage(caller, copy, cursor)
    const broken = page.done ? await this.chain() : null
    if (broken === null) return page
    const inconclusive = { ...page.tally.inconclusive, [broken.code]: 1 }
    return { ...page, tally: { ...page.tally, inconclusive } }
  }

  private probePage(caller: Caller, copy: Copy, cursor: string): Promise<CopyPage> {
    return this.opened(caller, copy, async (system, _age, _markerAt, copyMap) => {
      const { signal } = new AbortController()
      return this.pages.page(copy, cursor, {
        phase: 'probe',
        ofPage: async ({ tombstones }) => {
          const people = tombstones.filter((one): one is Readable => one.subject !== null)
          const modes = await modesOf(this.parts.reviews, copy.systemId, people)
          const sights = await sightUnderMaps(system, people, modes, signal, copyMap)
          const findings = await this.toldOf(copy, sights)
          // Everybody is counted, and those nobody may look for by why.
          const all = tombstones.filter((one) => !isPutOff(one)).length
          const tally: Tally = { ...counted(nothing, untold(tombstones)), tombstones: all }
          return seen(tally, findings)
        },
        ofRest: (later) => {
          const asked = { system, name: nameOf(copy), copyMap, signal, later }
          return this.digests.look(asked, (sights) => this.toldOf(copy, sights))
        },
      })
    })
  }

  private async chain(): Promise<Reason | null> {
    try {
      return await (this.parts.chain ?? noChain)()
    } catch (error) {
      throw told(error)
    }
  }

  /** Notes what a person has to decide, and what is found of everybody until they do. */
  private async toldOf({ systemId, applyId }: Copy, sights: readonly Sighted[]): Promise<ProbeFinding[]> {
    const { reviews } = this.parts
    await reviews.noteCopy(systemId, applyId, undatedOf(sights), this.now())
    const known = await reviews.of(systemId, () =>
      sights.map(({ tombstone: { tombstoneId } }) => tombstoneId),
    )
    return sights.flatMap((one) => open(one, known.get(one.tombstone.tombstoneId)))
  }

  private async opened<T>(
    caller: Caller,
    copy: Copy,
    work: (
      system: WatchedSystem,
      age: CopyAge | null,
      markerAt: number | null,
      markerMap: number | null,
    ) => Promise<T>,
  ): Promise<T> {
    if (!may(caller, 'apply')) throw problem('forbidden', 'Your roles do not allow "apply".')
    const system = await this.systemOf(copy)
    try {
      const { age, markerAt, markerMap } = await this.ageOf(copy, system)
      return await work(system, age, markerAt, markerMap)
    } catch (error) {
      throw told(error)
    } finally {
      await system.close()
    }
  }

  private async systemOf({ systemId, url, tables }: Copy): Promise<WatchedSystem> {
    const connector = this.parts.connectors.get(systemId)
    if (connector === undefined)
      throw problem(
        'not_found',
        'No such system is watched here; LETHE_SYSTEMS of the restore service names those that are.',
      )
    if (!connector.options.safeParse({ url }).success)
      throw problem('invalid_request', `This is no URL of a ${connector.kind}, which ${systemId} is.`)
    const current = await this.section('current', systemId)
    const part = (section: typeof current) => (tables ? partOf(section.system, tables) : null)
    const named = part(current)
    if (named?.ok === false)
      throw problem(
        'invalid_request',
        hasParts(connector.kind)
          ? `The data map says nothing of ${named.unknown.join(', ')} in ${systemId}.`
          : `A ${connector.kind} has no tables that could be restored alone: leave --tables out.`,
      )
    const request: RequestPort = {
      // Of an older map that does not know the part yet, the one in force is taken.
      section: async (version) => {
        const section = version === 'current' ? current : await this.section(version, systemId)
        const own = part(section)
        if (own === null) return section
        if (own.ok) return { ...section, system: { ...section.system, body: own.body } }
        return named === null ? current : { ...current, system: { ...current.system, body: named.body } }
      },
      clear: () => Promise.reject(new Error('a copy needs no clearance')),
    }
    return watchedSystem(systemId, connector, new Systems(connector, systemId, request, () => url))
  }

  private section(version: Parameters<RequestPort['section']>[0], systemId: string) {
    return this.parts.request.section(version, systemId).catch((error: unknown) => {
      throw told(error)
    })
  }

  /** Refuses the store in use and another installation's; null for a part, which has no age to tell. */
  private async ageOf(
    { systemId, tables, made }: Copy,
    system: WatchedSystem,
  ): Promise<{
    readonly age: CopyAge | null
    readonly markerAt: number | null
    readonly markerMap: number | null
  }> {
    const { store, secret, incarnation } = this.parts
    const session = await system.restore()
    const [{ found }, identity] = await Promise.all([session.marker.read(), session.identity()])
    if (!made && (await store.isInUse(systemId, found, identity)))
      throw problem(
        'illegal_transition',
        `This is ${systemId} itself, as it is in use, or was seconds ago: announce a restore of it, sweep it, or take the copy again.`,
      )
    const key = { secret, systemId, incarnation }
    const origin = originOf(key, found)
    if (found !== null && origin.by !== 'us')
      throw problem(
        'map_mismatch',
        `The marker in it is not ${systemId}'s of this installation: it is a copy of another store or tenant, or of another environment's.`,
      )
    if (origin.by === 'us') {
      const asked = { isCurrent: false, of: null, now: this.now() }
      const { markerAt, markerForeign, markerMap } = await copyOrigin(store, key, found, asked)
      if (markerAt === null) return { age: { known: false, foreign: markerForeign }, markerAt, markerMap }
      const lastCollectedAt = await store.lastCollected(systemId, this.now())
      return { age: { known: true, writtenAt: markerAt, lastCollectedAt }, markerAt, markerMap }
    }
    return { age: tables ? null : { known: false, foreign: false }, markerAt: null, markerMap: null }
  }
}

/** Those of a page nobody does anything about, now or later. */
const untold = (tombstones: readonly LiveTombstone[]): Fate[] =>
  tombstones.flatMap((one): Fate[] => {
    if (one.held) return [{ is: 'held' }]
    return one.subject === null && !isPutOff(one) ? [{ is: 'unreadable' }] : []
  })

/** Whoever nobody has decided about is not clean, besides what is certainly theirs. */
function open({ finding, undated }: Sighted, review: Review | undefined): ProbeFinding[] {
  const kept = review?.decision === 'keep' || undatedBy(review) === 'take'
  return !kept && Object.keys(undated).length > 0
    ? [finding, { result: 'inconclusive', residual: {}, reasonCode: 'undated' }]
    : [finding]
}

/** What the address of a copy lacks: a user that is let in, with its rights. */
const BAD_ADDRESS = new Set(['access_refused', 'missing_rights'])

/** What a store or `request` would not do, as the caller may read it: connectors' messages name nobody. */
function told(error: unknown): unknown {
  if (!(error instanceof LetheError)) return error
  const code = BAD_ADDRESS.has(error.code)
    ? 'invalid_request'
    : error.errorClass === 'terminal'
      ? 'map_mismatch'
      : 'unavailable'
  return problem(code, error.message, { cause: error.code })
}
