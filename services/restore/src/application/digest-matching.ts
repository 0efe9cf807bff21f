import type { HeldIdentifiers, Identifier, Subject } from '@lethe/eraser-kit'
import { RetryableError } from '@lethe/service-host'
import { type Match, MOST_TENANTS } from '../digesting/held-match.js'
import { Matching } from '../digesting/matching.js'
import { Wanted } from '../domain/wanted.js'
import { PageExpired, type Readable } from './applying.js'
import { AtOnce } from './at-once.js'
import { heldBack } from './held-back.js'
import type { LiveTombstone, PagePeople, Pepper, TombstonePage, TombstoneSource } from './tombstone-source.js'
import { servedBy } from './under-maps.js'
import type { WatchedSystem } from './watched-system.js'

const PAGE = 5_000
/** Matches that are asked for at once: more people than 5,000, whom some stores erase in one go, are rare among them. */
const MATCHES = 4_000
/** Digests of one reading of the store, 16 bytes each; more people mean that it is read again. */
export const MOST = 4_000_000
/** Readings of a store until what is still matched counts as failed. */
const READINGS = 3

/** What pages put off: only digests of that person are left, so the store is read as a whole for them. */
export const isPutOff = ({ held, subject, digested }: LiveTombstone): boolean =>
  !held && subject === null && digested !== undefined

/** Nobody is put off of a page in columns, and its tombstones are not to become objects for that. */
export const hasPutOff = (page: TombstonePage): boolean => !page.people && page.tombstones.some(isPutOff)

/** People whose digests match what the store holds, known by that. */
export interface Found {
  /** Epoch milliseconds after which nobody of them may be erased. */
  readonly validUntil: number
  /** May be made when it is first asked for. */
  readonly people: readonly Readable[]
  /** The same people in columns, in the same order, where that can be. */
  readonly columns?: PagePeople | null
}

/** A look through a store for people of whom only digests are left. */
export interface Reading {
  readonly system: WatchedSystem
  /** Why `request` is asked for people; stands in its audit. */
  readonly reason: string
  readonly signal: AbortSignal
  /** The map in force when the copy was made; null or left out where nobody knows. */
  readonly copyMap?: number | null | undefined
  /** Those of a page that are meant; everybody when left out. */
  readonly among?: (tombstones: readonly LiveTombstone[]) => Promise<readonly LiveTombstone[]>
  /**
   * What is done with those who match, a few thousand at most. Whoever asks once more gets those who match and are under no
   * hold by then.
   *
   * @param last the store is not read once more
   * @returns whether somebody is still there, so that the store is read once more
   */
  readonly found: (ask: () => Promise<Found>, last: boolean) => Promise<boolean>
  /** Everybody who is meant, where they were read already. */
  readonly gathered?: Wanted | null
  /** How many times `found` may be called at once, while the store is read on; once when left out. */
  readonly atOnce?: number
  /** After each batch of the store's identifiers, which then is not read ahead. @param tookMs reading and matching it */
  readonly rest?: (tookMs: number) => Promise<void>
}

export interface Matched {
  /** Who could be found by their digests. */
  readonly sought: number
  /** Of whom nothing is left that could be matched. */
  readonly lost: number
  /** Tombstones that are under a hold since their page was read. */
  readonly held: ReadonlySet<string>
  /** How many were under a hold when their pages were read again, and were not looked for; null where none was read again. */
  readonly passedOver: number | null
}

interface Part {
  readonly wanted: Wanted
  /** Where the next reading begins; null when all are wanted. */
  readonly next: string | null
}

interface State extends Reading {
  readonly peppers: readonly Pepper[]
  readonly held: Set<string>
  passedOver: number
}

/**
 * Finds people of whom only digests are left, by digesting every identifier a store holds. Identifiers do not leave this
 * process, and memory does not grow with the store. What becomes of whoever is found is the reader's.
 */
export class DigestMatching {
  constructor(private readonly source: TombstoneSource) {}

  /** Null where the store can't be read this way: then nobody may be called absent by their digests. */
  async match(reading: Reading): Promise<Matched | null> {
    const { system, reason } = reading
    if ((await system.session(await system.currentVersion())).identifiers === undefined) return null
    const peppers = await this.source.peppers(system.systemId, reason)
    const state: State = { ...reading, peppers, held: new Set(), passedOver: 0 }
    let [sought, lost] = [0, 0]
    for (let from: string | null = ''; from !== null; ) {
      const { wanted, next }: Part =
        (reading.gathered && { wanted: reading.gathered, next: null }) ?? (await this.collect(state, from))
      const counts = wanted.counts(peppers)
      sought += counts.sought
      lost += counts.lost
      from = next
      if (counts.sought > 0 && !(await this.matchAll(state, wanted))) return null
    }
    return { sought, lost, held: state.held, passedOver: reading.gathered ? null : state.passedOver }
  }

  /** How many there are whose identifiers can't be read. */
  async count(reading: Omit<Reading, 'found'>): Promise<number> {
    let all = 0
    for await (const { meant } of this.unreadable(reading, '')) all += meant.length
    return all
  }

  private async collect(state: State, from: string): Promise<Part> {
    const wanted = new Wanted()
    for await (const { meant, held, last } of this.unreadable(state, from)) {
      state.passedOver += held
      for (const one of meant) wanted.add(one)
      if (wanted.set.size >= MOST) return { wanted, next: last }
    }
    return { wanted, next: null }
  }

  /** Page by page, without those under a hold. */
  private async *unreadable(
    { system, reason, signal, among }: Omit<Reading, 'found'>,
    from: string,
  ): AsyncGenerator<{
    readonly meant: readonly LiveTombstone[]
    readonly held: number
    readonly last: string
  }> {
    const read = (after: string) => heldBack(this.source.page(system.systemId, reason, after, PAGE))
    for (let reading = read(from); ; ) {
      signal.throwIfAborted()
      const { tombstones } = await reading
      const last = tombstones.at(-1)?.tombstoneId
      if (last === undefined) return
      const more = tombstones.length === PAGE
      if (more) reading = read(last)
      const gone = tombstones.filter(({ held, subject }) => !held && subject === null)
      const held = tombstones.filter((one) => one.held).length
      yield { meant: among === undefined ? gone : await among(gone), held, last }
      if (!more) return
    }
  }

  /** False where the store can't be read this way: then nobody of it is called absent. */
  private async matchAll(state: State, wanted: Wanted): Promise<boolean> {
    if (wanted.tenants.size > MOST_TENANTS) return false
    const { system, copyMap } = state
    const current = await system.currentVersion()
    const versions = new Set([current])
    for (const version of [copyMap ?? current, ...wanted.versions])
      versions.add(await servedBy(system, version))
    const matching = new Matching({ set: wanted.set, tenants: wanted.tenants, peppers: state.peppers })
    try {
      return await this.readUntilGone(state, matching, versions, current)
    } finally {
      await matching.close()
    }
  }

  private async readUntilGone(
    state: State,
    matching: Matching,
    versions: ReadonlySet<number>,
    current: number,
  ): Promise<boolean> {
    const { system, signal } = state
    for (let reading = 1; ; reading++) {
      let left = false
      for (const version of versions) {
        const session =
          version === current ? await system.session(version) : await system.olderSession(version)
        // Of that map the store has nothing.
        if (session === null) continue
        const held = await session.identifiers?.(signal)
        if (!held) return false
        left = (await this.readThrough(state, held, matching, reading === READINGS)) || left
      }
      // Whose rows were kept by rows of somebody who came later is free now.
      if (!left || reading === READINGS) return true
    }
  }

  /** @returns whether somebody who was found is still there */
  private async readThrough(
    state: State,
    held: AsyncIterable<HeldIdentifiers>,
    matching: Matching,
    last: boolean,
  ): Promise<boolean> {
    let left = false
    let matches: Match[] = []
    const giving = new AtOnce(state.atOnce ?? 1)
    const give = async () => {
      for (const some of byTenant(matches))
        await giving.add(async () => {
          if (await this.give(state, some, last)) left = true
        })
      matches = []
    }
    try {
      for await (const batch of readAhead(held, state.rest)) {
        for (const match of await matching.matchesIn(batch)) matches.push(match)
        if (matches.length >= MATCHES) await give()
        // Whoever rests is told of all the work.
        if (state.rest) await giving.all()
      }
      await give()
      await giving.all()
    } finally {
      await giving.settled()
    }
    return left
  }

  /** In parts that are done before their people may not be erased any more. @returns whether somebody is still there */
  private async give(state: State, matches: readonly Match[], last: boolean): Promise<boolean> {
    let left = false
    for (let from = 0, size = MATCHES; from < matches.length; ) {
      const some = matches.slice(from, from + size)
      try {
        left = (await state.found(() => this.ask(state, some), last)) || left
        from += size
      } catch (error) {
        if (!(error instanceof PageExpired)) throw error
        if (size === 1)
          throw new RetryableError('replay_too_slow', 'One person takes longer than a page lives.')
        size = Math.max(1, Math.floor(size / 4))
      }
    }
    return left
  }

  /** Whoever of them is still wanted. */
  private async ask(state: State, matches: readonly Match[]): Promise<Found> {
    const [first] = matches
    if (!first) return { validUntil: 0, people: [] }
    const { system, reason, among, held } = state
    const identifiers = new Map<string, Identifier>()
    for (const { digest, identifier } of matches) identifiers.set(digest, identifier)
    const known = { tenantId: first.tenantId, digests: [...identifiers.keys()] }
    const page = await this.source.matching(system.systemId, reason, known)
    const columns = among === undefined ? (page.left?.known(identifiers) ?? null) : null
    if (columns !== null) return new FoundColumns(page, columns, identifiers)
    for (const one of page.tombstones) if (one.held) held.add(one.tombstoneId)
    const free = page.tombstones.filter((one) => !one.held)
    const meant = among === undefined ? free : await among(free)
    return { validUntil: page.validUntil, people: peopleOf(meant, identifiers) }
  }
}

/** Everybody of a page; objects of them are made for whoever asks. */
class FoundColumns implements Found {
  private made: readonly Readable[] | null = null

  constructor(
    private readonly page: TombstonePage,
    readonly columns: PagePeople,
    private readonly identifiers: ReadonlyMap<string, Identifier>,
  ) {}

  get validUntil(): number {
    return this.page.validUntil
  }

  get people(): readonly Readable[] {
    this.made ??= peopleOf(this.page.tombstones, this.identifiers)
    return this.made
  }
}

function peopleOf(
  tombstones: readonly LiveTombstone[],
  identifiers: ReadonlyMap<string, Identifier>,
): Readable[] {
  const people: Readable[] = []
  for (const one of tombstones) {
    const person = personOf(one, identifiers)
    if (person !== null) people.push(person)
  }
  return people
}

function byTenant(matches: readonly Match[]): Match[][] {
  const tenants = new Map<string, Match[]>()
  for (const match of matches) {
    const known = tenants.get(match.tenantId)
    if (known) known.push(match)
    else tenants.set(match.tenantId, [match])
  }
  return [...tenants.values()]
}

/** The next batch is read while one is worked on; with `rest`, behind it. */
async function* readAhead(
  held: AsyncIterable<HeldIdentifiers>,
  rest: Reading['rest'],
): AsyncGenerator<HeldIdentifiers> {
  const batches = held[Symbol.asyncIterator]()
  try {
    let reading = heldBack(batches.next())
    for (let since = performance.now(); ; since = performance.now()) {
      const { done, value } = await reading
      if (done) return
      if (!rest) reading = heldBack(batches.next())
      yield value
      if (!rest) continue
      await rest(performance.now() - since)
      reading = batches.next()
    }
  } finally {
    await batches.return?.()
  }
}

/** Somebody by what was found of them. Of what their tombstone says nothing is copied: there may be millions. */
class FoundPerson implements Readable {
  constructor(
    private readonly tombstone: LiveTombstone,
    readonly subject: Subject,
  ) {}

  get tombstoneId(): string {
    return this.tombstone.tombstoneId
  }

  get requestId(): string {
    return this.tombstone.requestId
  }

  get mapVersion(): number {
    return this.tombstone.mapVersion
  }

  get held(): boolean {
    return this.tombstone.held
  }

  get ceilingWaived(): boolean | undefined {
    return this.tombstone.ceilingWaived
  }
}

/** Null for whoever is readable, or another's. */
function personOf(one: LiveTombstone, found: ReadonlyMap<string, Identifier>): Readable | null {
  const { digested } = one
  if (one.subject !== null || digested === undefined) return null
  const { subjectRef, tenantId, receivedAt, digests } = digested
  // Of its size from the start: one that grows has room for seventeen.
  const identifiers = new Array<Identifier>(digests.length)
  let size = 0
  for (const digest of digests) {
    const identifier = found.get(digest)
    if (identifier !== undefined) identifiers[size++] = identifier
  }
  if (size === 0) return null
  identifiers.length = size
  return new FoundPerson(one, { subjectRef, tenantId, receivedAt, identifiers })
}
