import type { CollectionCounts, Counts, EraseIo, Outcome, Pass } from '@lethe/eraser-kit'
import { failureOf, isOurs } from './errors.js'
import {
  exists,
  type Families,
  type Found,
  findKeys,
  findSets,
  nothingFound,
  stopWhenAborted,
} from './find.js'
import type { Ledger } from './ledger.js'
import { EMPTY_SET, REMOVE_KEYS } from './scripts.js'
import type { Selected, Wanted } from './selectors.js'
import type { Store } from './store.js'

/** Keys one script removes: short enough that other clients hardly wait. */
const CHUNK = 200
/** Passes worked on at a time; the client sends their commands together. */
const AT_ONCE = 64
/** Keys counted beyond the ceiling before the search stops keeping them: who approves should see the number. */
const BEYOND = 10_000
/** How often members that were added meanwhile are followed. */
const ROUNDS = 3

export interface Erasure {
  readonly store: Store
  readonly ledger: Ledger
  readonly families: Families
  readonly ceiling: number | null
}

type Failed = Pick<Outcome, 'errorCode' | 'errorClass'>
/** A pass that has been worked on: null when everything went as it should. */
interface Applied {
  readonly failed: Failed | null
  /** Keys that are there and stay. */
  readonly left: ReadonlyMap<string, number>
}

/** One outcome per pass, in order. Throws when the store can't be reached: then nothing is known. */
export async function erase(
  erasure: Erasure,
  batch: readonly Pass[],
  selected: readonly Selected[],
  io: EraseIo,
): Promise<Outcome[]> {
  const { store, ledger, families, ceiling } = erasure
  await store.facts()
  const people = selected.flatMap((one) => (one.ok ? [one.wanted] : []))
  const limit = ceiling === null || batch.some((pass) => pass.ceilingWaived) ? undefined : ceiling + BEYOND
  const found = await findKeys(
    store,
    families,
    people,
    limit === undefined ? io : { signal: io.signal, limit },
  )
  const applied = await inTurn(batch, async (pass, ord): Promise<Applied> => {
    const person = selected[ord]
    const keys = found.get(ord)
    if (!person?.ok || !keys) return { failed: refusal(person), left: new Map() }
    return apply(erasure, pass, person.wanted, keys, io)
  })
  const position = (await store.facts()).map((facts) => facts.position).join(' ')
  const outcomes = await inTurn(batch, async (pass, ord) => {
    const result = applied[ord]
    if (!result) throw new RangeError('a pass without a result')
    const invalid = selected[ord]?.ok === false
    const counts = invalid ? zeros(families) : countsOf(families, await ledger.erased(pass), result.left)
    const outcome = outcomeOf(counts, result.failed, position)
    if (!result.failed) await ledger.write(io.receipt(pass, outcome), io.now())
    return outcome
  })
  if (applied.some(({ failed }) => failed === null)) await ledger.mark()
  return outcomes
}

function refusal(selected: Selected | undefined): Failed {
  const errorCode = selected?.ok === false ? selected.code : 'invalid_identifier'
  return { errorCode, errorClass: 'terminal' }
}

async function apply(
  erasure: Erasure,
  pass: Pass,
  wanted: Wanted,
  found: Found,
  io: EraseIo,
): Promise<Applied> {
  if (found.denied) return { failed: DENIED, left: tally(found) }
  const before = [...(await erasure.ledger.erased(pass)).values()].reduce((sum, count) => sum + count, 0)
  const size = found.keys.size + found.sets.length
  if (erasure.ceiling !== null && !pass.ceilingWaived && before + size > erasure.ceiling) {
    return { failed: { errorCode: 'over_ceiling', errorClass: 'paused' }, left: tally(found) }
  }
  if (found.ambiguous > 0) return { failed: AMBIGUOUS, left: tally(found) }
  let open = found
  for (let round = 0; round < ROUNDS; round++) {
    const failed = await removeAll(erasure, pass, open, io)
    if (failed) return { failed, left: tally(await still(erasure, wanted, open, io)) }
    if (open.refusedMembers > 0) {
      return { failed: { errorCode: 'foreign_member', errorClass: 'terminal' }, left: new Map() }
    }
    if (found.sets.length === 0) return { failed: null, left: new Map() }
    open = nothingFound()
    await findSets(erasure.store, erasure.families, [wanted], new Map([[wanted.ord, open]]), io)
    if (open.denied) return { failed: DENIED, left: tally(open) }
    if (open.ambiguous > 0) return { failed: AMBIGUOUS, left: tally(open) }
    if (open.sets.length === 0) return { failed: null, left: new Map() }
  }
  return { failed: { errorCode: 'set_growing', errorClass: 'retryable' }, left: tally(open) }
}

/** What of `found` is there after a failure, so that counts say what is left. What can't be asked for is. */
async function still(erasure: Erasure, wanted: Wanted, found: Found, io: EraseIo): Promise<Found> {
  const keys = new Map<string, string>()
  for (const [key, family] of found.keys) {
    if ((await exists(erasure.store, key)) !== false) keys.set(key, family)
  }
  const open = nothingFound()
  await findSets(erasure.store, erasure.families, [wanted], new Map([[wanted.ord, open]]), io)
  return { ...open, keys, refusedMembers: 0 }
}

/** Keys first, index sets last: a crash between them leaves the way to what is left. */
async function removeAll(erasure: Erasure, pass: Pass, found: Found, io: EraseIo): Promise<Failed | null> {
  const { store, ledger } = erasure
  const groups = new Map<string, [Buffer, string][]>()
  for (const [text, family] of found.keys) {
    const key = Buffer.from(text, 'latin1')
    const tag = store.tagOf(key)
    groups.set(tag, [...(groups.get(tag) ?? []), [key, family]])
  }
  const sets = found.sets.map((set) => ({ ...set, bytes: Buffer.from(set.key, 'latin1') }))
  const setTags = sets.map(({ bytes }) => store.tagOf(bytes))
  try {
    await ledger.intend(pass, [...groups.keys(), ...setTags], io.now())
    for (const [tag, keys] of groups) {
      for (let start = 0; start < keys.length; start += CHUNK) {
        const chunk = keys.slice(start, start + CHUNK)
        const argv = [String(pass.grant.expiresAt), ...chunk.map(([, family]) => family)]
        if (
          (await run(
            erasure,
            REMOVE_KEYS,
            pass,
            tag,
            chunk.map(([key]) => key),
            argv,
            io,
          )) < 0
        )
          return EXPIRED
      }
    }
    for (const [index, { bytes, family, members }] of sets.entries()) {
      for (let start = 0; start < members.length; start += CHUNK) {
        const chunk = members.slice(start, start + CHUNK).map((member) => Buffer.from(member, 'latin1'))
        const argv = [String(pass.grant.expiresAt), family, ...chunk]
        if ((await run(erasure, EMPTY_SET, pass, setTags[index] ?? '', [bytes], argv, io)) < 0) return EXPIRED
      }
    }
    return null
  } catch (error) {
    // An answer of the store concerns this pass; a lost connection says nothing of any.
    const failure = failureOf(error)
    if (isOurs(error) || failure.code === 'connection_lost') throw error
    return { errorCode: failure.code, errorClass: failure.errorClass }
  }
}

const AMBIGUOUS: Failed = { errorCode: 'ambiguous_key', errorClass: 'terminal' }
const DENIED: Failed = { errorCode: 'missing_rights', errorClass: 'terminal' }
const EXPIRED: Failed = { errorCode: 'grant_expired', errorClass: 'retryable' }

/** Runs a script unless the grant is over by the host's clock; the script looks at the server's. */
async function run(
  { store, ledger }: Erasure,
  script: string,
  pass: Pass,
  tag: string,
  keys: readonly Buffer[],
  argv: readonly (string | Buffer)[],
  io: EraseIo,
): Promise<number> {
  stopWhenAborted(io.signal)
  if (io.now() >= pass.grant.expiresAt) return -1
  const counts = ledger.countsKey(pass, tag)
  return Number(await store.client.eval(script, keys.length + 1, counts, ...keys, ...argv))
}

function outcomeOf(counts: Counts, failed: Failed | null, position: string): Outcome {
  if (failed) return { outcome: 'failed', counts, position, ...failed }
  const erased = Object.values(counts).some((count) => count.erased > 0)
  return { outcome: erased ? 'erased' : 'not_found', counts, position }
}

function tally(found: Found): Map<string, number> {
  const left = new Map<string, number>()
  const families = [...found.keys.values(), ...found.sets.map(({ family }) => family)]
  for (const family of families) left.set(family, (left.get(family) ?? 0) + 1)
  return left
}

function zeros(families: Families): Counts {
  return countsOf(families, new Map(), new Map())
}

/** Keys that expired by themselves between being found and being removed are nobody's any more. */
export function countsOf(
  families: Families,
  erased: ReadonlyMap<string, number>,
  left: ReadonlyMap<string, number>,
): Counts {
  const names = new Set([...families.names, ...erased.keys(), ...left.keys()])
  return Object.fromEntries(
    [...names].map((name): [string, CollectionCounts] => {
      const gone = erased.get(name) ?? 0
      const rest = left.get(name) ?? 0
      return [name, { found: gone + rest, erased: gone, redacted: 0, retained: 0, failed: rest }]
    }),
  )
}

/** Works on every item, `AT_ONCE` of them at a time, and keeps their order. */
async function inTurn<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const page = items.slice(start, start + AT_ONCE)
    results.push(...(await Promise.all(page.map((item, at) => work(item, start + at)))))
  }
  return results
}
