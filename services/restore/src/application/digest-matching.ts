import { randomUUID } from 'node:crypto'
import { normaliseIdentifier } from '@lethe/domain'
import type { HeldIdentifiers, Identifier, Subject } from '@lethe/eraser-kit'
import { RetryableError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import { bytesOf, DigestSet, digestBytes, versionOf } from '../domain/digest-set.js'
import type { Replayed, Restore } from '../domain/restore.js'
import { counted, type Fate } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import { type Applying, fateOf, PageExpired, type Readable, replayedOf } from './applying.js'
import type { LiveTombstone, Pepper, TombstoneSource } from './tombstone-source.js'
import { listUndated, modesOf, sight } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

const PAGE = 5_000
/** Matches that are erased at once. */
const MATCHES = 1_000
/** Digests of one reading of the store, 16 bytes each; more people mean that it is read again. */
const MOST = 4_000_000
/** Where a store does not say whose a row is, each value is digested for each tenant. */
const MOST_TENANTS = 100
/** Behind every tombstone: they have all been matched. */
export const MATCHED = '~'
/** Readings of a store until what is still matched counts as failed. */
const READINGS = 3

export interface MatchingParts {
  readonly store: RestoreStore
  readonly source: TombstoneSource
  readonly reviews: ReviewStore
  readonly applying: Applying
  readonly now: () => number
}

interface Match {
  readonly tenantId: string
  readonly digest: string
  readonly identifier: Identifier
}

interface Wanted {
  readonly set: DigestSet
  readonly tenants: Set<string>
  readonly versions: Set<number>
  /** Those nobody can be found by: no digest, or none of a pepper that is looked up. */
  lost: number
  /** Where the next reading begins; null when all are wanted. */
  next: string | null
}

/**
 * Finds people of whom only digests are left in a restored store, by digesting every identifier it holds. Identifiers
 * do not leave this process, memory does not grow with the store, and whoever can't be found this way stays unreadable.
 */
export class DigestMatching {
  constructor(private readonly parts: MatchingParts) {}

  /** After all pages. Done again after a crash: what was recorded is not counted twice. */
  async run(begun: Restore, before: Tally, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    if (before.unreadable === 0) return before
    // Its cursor is behind the pages by now.
    const restore = (await this.parts.store.restore(begun.restoreId)) ?? begun
    if (restore.cursor === MATCHED) return before
    const reason = `restore-${restore.restoreId}`
    const peppers = await this.parts.source.peppers(system.systemId, reason)
    const state = { restore, system, signal, reason, peppers, tally: before, held: new Set<string>() }
    let lost = 0
    for (let from: string | null = ''; from !== null; ) {
      const wanted: Wanted = await this.collect(state, from)
      lost += wanted.lost
      from = wanted.next
      if (wanted.set.size > 0 && !(await this.matchAll(state, wanted))) return state.tally
    }
    const { unreadable, alreadyAbsent, held } = state.tally
    const absent = Math.max(0, unreadable - lost - state.held.size)
    const tally: Tally = {
      ...state.tally,
      unreadable: lost,
      held: held + state.held.size,
      alreadyAbsent: alreadyAbsent + absent,
    }
    await this.parts.store.recordPage(restore.restoreId, MATCHED, tally, [])
    return tally
  }

  private async collect({ system, reason, peppers, signal }: State, from: string): Promise<Wanted> {
    const known = new Set(peppers.map(({ version }) => version))
    const wanted: Wanted = {
      set: new DigestSet(),
      tenants: new Set(),
      versions: new Set(),
      lost: 0,
      next: null,
    }
    for (let after = from; ; ) {
      signal.throwIfAborted()
      const { tombstones } = await this.parts.source.page(system.systemId, reason, after, PAGE)
      for (const tombstone of tombstones) {
        if (tombstone.held || tombstone.subject !== null) continue
        const usable = (tombstone.digested?.digests ?? []).filter((digest) => known.has(versionOf(digest)))
        const bytes = usable.map(bytesOf).filter((one) => one !== null)
        if (tombstone.digested === undefined || bytes.length === 0) {
          wanted.lost++
          continue
        }
        for (const one of bytes) wanted.set.add(one)
        wanted.tenants.add(tombstone.digested.tenantId)
        wanted.versions.add(tombstone.mapVersion)
      }
      const last = tombstones.at(-1)?.tombstoneId
      if (last === undefined || tombstones.length < PAGE) return wanted
      after = last
      if (wanted.set.size >= MOST) return { ...wanted, next: last }
    }
  }

  /** False where the store can't be read this way: then nobody of it is called absent. */
  private async matchAll(state: State, wanted: Wanted): Promise<boolean> {
    if (wanted.tenants.size > MOST_TENANTS) return false
    const { system, signal } = state
    const versions = new Set([await system.currentVersion(), ...wanted.versions])
    for (let reading = 1; ; reading++) {
      let failed = false
      for (const version of versions) {
        const held = await (await system.session(version)).identifiers?.(signal)
        if (!held) return false
        failed = (await this.readThrough(state, held, wanted, reading === READINGS)) || failed
      }
      // Whose rows were kept by rows of somebody who came later is free now.
      if (!failed || reading === READINGS) return true
    }
  }

  /** @returns whether somebody who was found could not be erased */
  private async readThrough(
    state: State,
    held: AsyncIterable<HeldIdentifiers>,
    wanted: Wanted,
    last: boolean,
  ): Promise<boolean> {
    let failed = false
    let matches: Match[] = []
    const erase = async () => {
      for (const some of byTenant(matches)) failed = (await this.eraseMatches(state, some, last)) || failed
      matches = []
    }
    for await (const batch of held) {
      for (const match of this.matchesIn(state.peppers, batch, wanted)) matches.push(match)
      if (matches.length >= MATCHES) await erase()
    }
    await erase()
    return failed
  }

  private *matchesIn(
    peppers: readonly Pepper[],
    { type, held }: HeldIdentifiers,
    { set, tenants }: Wanted,
  ): Generator<Match> {
    for (const { value, tenantId: said } of held) {
      const normalised = normaliseIdentifier({ type, value })
      // What could not have been asked for is nobody's digest.
      if (!normalised.ok) continue
      for (const tenantId of said === null ? tenants : [said])
        for (const { version, secret } of peppers) {
          const bytes = digestBytes(secret, tenantId, type, normalised.value)
          if (!set.has(bytes)) continue
          const identifier = { type, value: normalised.value }
          yield { tenantId, digest: `${version}.${bytes.toString('base64url')}`, identifier }
        }
    }
  }

  /** Erases whoever of them is still wanted, a batch at a time. @returns whether somebody could not be */
  private async eraseMatches(state: State, matches: readonly Match[], last: boolean): Promise<boolean> {
    let failed = false
    for (let from = 0, size = MATCHES; from < matches.length; ) {
      const some = matches.slice(from, from + size)
      try {
        failed = (await this.eraseSome(state, some, last)) || failed
        from += size
      } catch (error) {
        if (!(error instanceof PageExpired)) throw error
        if (size === 1)
          throw new RetryableError('replay_too_slow', 'One person takes longer than a page lives.')
        size = Math.max(1, Math.floor(size / 4))
      }
    }
    return failed
  }

  private async eraseSome(state: State, matches: readonly Match[], last: boolean): Promise<boolean> {
    const { restore, system, signal, reason } = state
    const [first] = matches
    if (!first) return false
    const identifiers = new Map<string, Identifier>(matches.map((one) => [one.digest, one.identifier]))
    const known = { tenantId: first.tenantId, digests: [...identifiers.keys()] }
    const page = await this.parts.source.matching(system.systemId, reason, known)
    for (const one of page.tombstones) if (one.held) state.held.add(one.tombstoneId)
    const people = page.tombstones.flatMap((one) => subjectOf(one, identifiers) ?? [])
    if (people.length === 0) return false
    // Anew each time: a person may be found by one identifier after the other, which are passes of their own.
    const run = { name: `${reason}.digest-${randomUUID()}`, number: restore.run, systemId: restore.systemId }
    const { applying, reviews, now } = this.parts
    const modes = await modesOf(reviews, system.systemId, people)
    const told = await applying.eraseAll(run, system, people, page.validUntil, signal, modes)
    // Looked for with the probe's own queries. Who can't be looked for counts as there.
    const sights = await sight(system, people, modes, signal)
    await listUndated(reviews, restore, sights, modes, now())
    const still = new Set(
      sights.flatMap(({ tombstone, finding }) => (finding.result === 'clean' ? [] : [tombstone.tombstoneId])),
    )
    const replayed: Replayed[] = []
    let failed = false
    for (const { tombstone, outcome } of told) {
      const came = fateOf(outcome)
      const fate: Fate =
        came.is !== 'failed' && still.has(tombstone.tombstoneId)
          ? { is: 'failed', code: 'still_there' }
          : came
      failed ||= fate.is === 'failed'
      if (fate.is === 'changed' || (fate.is === 'failed' && last))
        replayed.push(replayedOf(tombstone, outcome, fate))
    }
    await this.record(state, replayed)
    return failed
  }

  /** Counts whoever was not counted before, and takes them from those that can't be read. */
  private async record(state: State, replayed: readonly Replayed[]): Promise<void> {
    const { restore } = state
    const before = await this.parts.store.alreadyReplayed(
      restore.restoreId,
      replayed.map(({ tombstoneId }) => tombstoneId),
    )
    const fresh = replayed.filter(({ tombstoneId }) => !before.has(tombstoneId))
    const fates = fresh.map(
      ({ errorCode }): Fate => (errorCode === null ? { is: 'changed' } : { is: 'failed', code: errorCode }),
    )
    const sum = counted(state.tally, fates)
    const { tombstones } = state.tally
    // They were counted as tombstones when their page came.
    state.tally = { ...sum, tombstones, unreadable: Math.max(0, sum.unreadable - fresh.length) }
    await this.parts.store.recordPage(restore.restoreId, restore.cursor, state.tally, replayed)
  }
}

interface State {
  readonly restore: Restore
  readonly system: WatchedSystem
  readonly signal: AbortSignal
  readonly reason: string
  readonly peppers: readonly Pepper[]
  tally: Tally
  /** Under a hold since their page was read. */
  readonly held: Set<string>
}

function byTenant(matches: readonly Match[]): Match[][] {
  const tenants = new Map<string, Match[]>()
  for (const match of matches) tenants.set(match.tenantId, [...(tenants.get(match.tenantId) ?? []), match])
  return [...tenants.values()]
}

/** As a subject that is known by what was found of them; null for whoever is held, readable, or another's. */
function subjectOf(one: LiveTombstone, found: ReadonlyMap<string, Identifier>): Readable | null {
  if (one.held || one.subject !== null || one.digested === undefined) return null
  const { digests, ...person } = one.digested
  const identifiers = digests.flatMap((digest) => found.get(digest) ?? [])
  if (identifiers.length === 0) return null
  const subject: Subject = { ...person, identifiers }
  return { ...one, subject }
}
