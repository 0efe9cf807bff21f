import { type EraseIo, type Outcome, type Pass, RetryableError } from '@lethe/eraser-kit'
import { type Failure, failureOf, isAway, StoreError, storeAway } from './errors.js'
import { countKept, NOTHING_KEPT } from './kept.js'
import { type Ledger, RECEIPTS, type Writing } from './ledger.js'
import { countPeople, refresh, refuseUnhealthy } from './look.js'
import { type Selected, select, type Wanting } from './people.js'
import { isTooLong } from './query.js'
import { IndexRefused } from './refusals.js'
import { changeBySequence, deleteByQuery, type Permission, type Removal } from './removal.js'
import type { Store } from './store.js'
import { type Job, type Target, targetsFor } from './targets.js'
import { failed, isOpen, jobKey, outcomeOf, selectionOf, takeOver, touches, type Work } from './work.js'

/** People one query asks for; each is a few clauses, and old servers take 1,024 of them. */
export const CHUNK = 100

export interface Erasure {
  readonly store: Store
  readonly ledger: Ledger
  readonly jobs: readonly Job[]
  readonly wanting: Wanting
  readonly ceiling: number | null
}

/**
 * One outcome per pass, in order. Throws when the store can't be reached or takes no work: then nothing is known,
 * and what was done is in the ledger, for the same pass or the next one of its step.
 */
export async function erase(erasure: Erasure, batch: readonly Pass[], io: EraseIo): Promise<Outcome[]> {
  stopWhenAborted(io)
  const { ledger, jobs } = erasure
  await ledger.prepare()
  const remembered = await ledger.remembered(batch)
  const outcomes = new Map<number, Outcome>()
  for (const [ord, { own }] of remembered.entries()) if (own.outcome) outcomes.set(ord, own.outcome)
  const works = await prepare(erasure, batch, outcomes, io.now())

  const indices = works.flatMap(({ targets }) => targets.map(({ index }) => index))
  await refuseUnhealthy(erasure.store, [RECEIPTS, ...indices])
  await refresh(erasure.store, indices)
  await count(erasure, works, (work, key, documents) => work.found.set(key, documents))
  await countWhatIsKept(erasure, works)
  for (const work of works) {
    const known = remembered[work.person.ord]
    if (!known) throw new RangeError('a pass without an entry')
    takeOver(work, known)
    if (erasure.ceiling !== null && !work.pass.ceilingWaived && touches(work) > erasure.ceiling)
      work.failure = { code: 'over_ceiling', errorClass: 'paused' }
  }

  stopWhenAborted(io)
  await intend(erasure, works.filter(isOpen), io)
  const open = works.filter(isOpen)
  for (const [target, group] of groups(open)) await change(erasure, target, group, io)
  await refresh(
    erasure.store,
    open.flatMap(({ targets }) => targets.map(({ index }) => index)),
  )
  await count(erasure, open, (work, key, documents) => work.left.set(key, documents))
  for (const work of open) conclude(work)

  const concluded = await settle(erasure, works, io)
  for (const [ord, outcome] of concluded) outcomes.set(ord, outcome)
  return batch.map(
    (_pass, ord) => outcomes.get(ord) ?? failed({ code: 'internal', errorClass: 'retryable' }, jobs),
  )
}

/** Passes that can be worked on; the others get their outcome at once. */
async function prepare(
  erasure: Erasure,
  batch: readonly Pass[],
  outcomes: Map<number, Outcome>,
  now: number,
): Promise<Work[]> {
  const { store, jobs, wanting } = erasure
  const selected = batch.map((pass, ord): Selected | null =>
    outcomes.has(ord) ? null : select(pass.subject, ord, wanting, pass.undated),
  )
  const tenants = selected.flatMap((one) => (one?.ok ? [one.person.tenantId] : []))
  const targets = await targetsFor(store, jobs, [...new Set(tenants)], { ...wanting, now })
  const terminal = (code: string): Failure => ({ code, errorClass: 'terminal' })
  return batch.flatMap((pass, ord): Work[] => {
    const one = selected[ord]
    if (!one) return []
    const own = one.ok ? targets.get(one.person.tenantId) : undefined
    const code = !one.ok
      ? one.code
      : own instanceof IndexRefused
        ? own.code
        : own === undefined || own === 'unknown_tenant'
          ? 'unknown_tenant'
          : own.some((target) => isTooLong(target, one.person))
            ? 'invalid_identifier'
            : null
    if (code !== null || !one.ok || !Array.isArray(own)) {
      outcomes.set(ord, failed(terminal(code ?? 'internal'), jobs))
      return []
    }
    const counts = {
      before: new Map(),
      found: new Map(),
      kept: new Map(),
      changed: new Map(),
      left: new Map(),
    }
    return [{ pass, person: one.person, targets: own, ...counts, version: null, passes: [], failure: null }]
  })
}

/** Chunks of passes that share a target, so that each query asks one index for people of one tenant. */
function groups(works: readonly Work[]): [Target, Work[]][] {
  const byTarget = new Map<Target, Work[]>()
  for (const work of works)
    for (const target of work.targets) byTarget.set(target, [...(byTarget.get(target) ?? []), work])
  return [...byTarget].flatMap(([target, all]) => {
    const chunks: [Target, Work[]][] = []
    for (let from = 0; from < all.length; from += CHUNK) chunks.push([target, all.slice(from, from + CHUNK)])
    return chunks
  })
}

async function count(
  { store }: Erasure,
  works: readonly Work[],
  take: (work: Work, key: string, documents: number) => void,
): Promise<void> {
  for (const [target, group] of groups(works)) {
    const counted = await countPeople(
      store,
      target,
      group.map(({ person }) => person),
    )
    for (const work of group) take(work, jobKey(target), counted.get(work.person.ord) ?? 0)
  }
}

async function countWhatIsKept({ store }: Erasure, works: readonly Work[]): Promise<void> {
  for (const [target, group] of groups(works)) {
    if (target.method !== 'retain') continue
    const people = group.map(({ person }) => person)
    const kept = await countKept(store, target, people)
    for (const work of group) work.kept.set(jobKey(target), kept.get(work.person.ord) ?? NOTHING_KEPT)
  }
}

/** Writes down what is about to change, before anything does. */
async function intend({ ledger }: Erasure, works: readonly Work[], io: EraseIo): Promise<void> {
  const answers = await ledger.intend(
    works.map((work) => ({ ...writingOf(work, work.found), passes: work.passes })),
    io.now(),
  )
  for (const [at, work] of works.entries()) {
    const answer = answers[at]
    if (answer && 'seqNo' in answer) work.version = answer
    else work.failure = answer ?? { code: 'store_error', errorClass: 'retryable' }
  }
}

function writingOf(work: Work, open: ReadonlyMap<string, number>, told = false): Writing {
  const done = new Map(work.before)
  for (const [key, documents] of work.changed) done.set(key, (done.get(key) ?? 0) + documents)
  const counts = { done: Object.fromEntries(done), open: Object.fromEntries(open) }
  return { key: work.pass, entry: { ...counts, by: selectionOf(work.pass), told, version: work.version } }
}

async function change(erasure: Erasure, target: Target, group: readonly Work[], io: EraseIo): Promise<void> {
  const { store } = erasure
  const key = jobKey(target)
  const works = group.filter((work) => work.failure === null && (work.found.get(key) ?? 0) > 0)
  if (works.length === 0) return
  const expiry = Math.min(...works.map(({ pass }) => pass.grant.expiresAt))
  const may: Permission = () => {
    if (io.signal.aborted) return { code: 'aborted', errorClass: 'retryable' }
    return io.now() >= expiry ? { code: 'grant_expired', errorClass: 'retryable' } : null
  }
  const people = works.map(({ person }) => person)
  const byQuery = target.method !== 'redact' && store.deletesByQuery
  const removal = await (byQuery ? deleteByQuery : changeBySequence)(store, target, people, may).catch(
    asRemoval,
  )
  note(works, key, removal)
}

/** An answer of the store concerns these people; a lost connection says nothing of anybody. */
function asRemoval(error: unknown): Removal {
  if (!(error instanceof StoreError) || error.status === null) throw error
  return { changed: null, total: 0, failures: new Map([['everyone', failureOf(error)]]) }
}

function note(works: readonly Work[], key: string, { changed, total, failures }: Removal): void {
  const expected = works.reduce((documents, work) => documents + (work.found.get(key) ?? 0), 0)
  const asExpected = failures.size === 0 && total === expected
  for (const work of works) {
    const exactly = changed ? (changed.get(work.person.ord) ?? 0) : works.length === 1 ? total : null
    if (exactly !== null && (changed || !failures.has('everyone'))) work.changed.set(key, exactly)
    else if (asExpected) work.changed.set(key, work.found.get(key) ?? 0)
    work.failure = failures.get(work.person.ord) ?? work.failure
  }
  const everyone = failures.get('everyone')
  if (everyone) for (const work of works) work.suspected ??= everyone
}

/** Compares what was there with what is left. Whoever has documents left has failed, for whatever reason. */
function conclude(work: Work): void {
  let left = 0
  for (const target of work.targets) {
    const key = jobKey(target)
    const remaining = work.left.get(key) ?? 0
    left += remaining
    if (!work.changed.has(key)) work.changed.set(key, Math.max(0, (work.found.get(key) ?? 0) - remaining))
  }
  if (left > 0 && work.failure === null)
    work.failure = work.suspected ?? { code: 'still_arriving', errorClass: 'retryable' }
}

/**
 * Receipts of what succeeded, progress of what did not, and a new marker. A failure tells what was done before it
 * only when the ledger says that it does: otherwise the next pass of the step would tell it again.
 */
async function settle(
  { ledger, jobs }: Erasure,
  works: readonly Work[],
  io: EraseIo,
): Promise<Map<number, Outcome>> {
  const away = works.some(({ failure }) => failure && isAway(failure))
  const tells = (work: Work) => !away && !io.signal.aborted && !isCutShort(work)
  const outcomes = new Map(works.map((work) => [work.person.ord, outcomeOf(work, jobs)]))
  const writing = works.filter((work) => work.failure === null || work.changed.size > 0)
  const answers = await ledger.write(
    writing.map((work) => {
      const outcome = outcomes.get(work.person.ord)
      if (work.failure || !outcome) return writingOf(work, new Map(), tells(work))
      return {
        ...writingOf(work, new Map()),
        receipt: { body: io.receipt(work.pass, outcome).body, outcome },
      }
    }),
    io.now(),
  )
  const written = new Set<Work>()
  for (const [at, work] of writing.entries()) {
    const answer = answers[at]
    if (answer && 'seqNo' in answer) written.add(work)
    else work.failure ??= answer ?? { code: 'store_error', errorClass: 'retryable' }
  }
  for (const work of works)
    if (work.failure) outcomes.set(work.person.ord, outcomeOf(work, jobs, written.has(work)))
  if (writing.length > 0) await ledger.mark(io.now())
  const stopped = works.find(({ failure }) => failure && isAway(failure))?.failure
  if (stopped) throw storeAway(stopped)
  return outcomes
}

/** Stopped by its grant's end or by the process: nobody is told, and the same pass goes on. */
const isCutShort = ({ failure }: Work) => failure?.code === 'grant_expired' || failure?.code === 'aborted'

function stopWhenAborted({ signal }: EraseIo): void {
  if (signal.aborted)
    throw new RetryableError('aborted', 'The erasure was stopped before it changed anything.')
}
