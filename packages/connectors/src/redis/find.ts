import { RetryableError } from '@lethe/eraser-kit'
import type { Redis } from 'ioredis'
import { isDenied } from './errors.js'
import { LETHE_PREFIX } from './grammar.js'
import { KeyMatcher, scanPattern } from './matcher.js'
import { exactKeys, type Wanted } from './selectors.js'
import type { Store } from './store.js'
import { placeholders, type Template } from './template.js'

/** An index set of one person: its own key and what its members stand for. */
export interface FoundSet {
  readonly family: string
  readonly key: string
  /** Latin-1 views of the members' bytes. */
  readonly members: readonly string[]
}

/** What one person has in the store. Keys are latin-1 views of their bytes. */
export interface Found {
  /** Key → family. A key that several templates match is counted once, for the first. */
  readonly keys: Map<string, string>
  readonly sets: FoundSet[]
  /** Members that must not be followed: another person's key, Lethe's own, or ambiguous ones. */
  refusedMembers: number
  /** A key may not be asked for by this user: what is there is not known. */
  denied: boolean
  /** Keys that may be this person's or another's; nothing is removed while there are any. */
  ambiguous: number
}

/** The data map's section, made ready. */
export interface Families {
  readonly templates: readonly Template[]
  readonly sets: readonly { readonly set: Template; readonly key: Template }[]
  readonly names: readonly string[]
  /** No identifier ever holds a delimiter: whatever a `*` covers is the person's. */
  readonly plainIds: boolean
}

export interface FindIo {
  readonly signal?: AbortSignal
  /** Keys of one person to keep at most; one more than the ceiling is enough to know it is passed. */
  readonly limit?: number
}

export const nothingFound = (): Found => ({
  keys: new Map(),
  sets: [],
  refusedMembers: 0,
  denied: false,
  ambiguous: 0,
})

const PAGE = 1_000
const IN_FLIGHT = 500

/** Every key of every person: exact ones asked for by name, the others by one SCAN for all of them. */
export async function findKeys(
  store: Store,
  families: Families,
  people: readonly Wanted[],
  io: FindIo = {},
): Promise<Map<number, Found>> {
  const found = new Map(people.map(({ ord }) => [ord, nothingFound()]))
  if (people.length === 0) return found
  const exact = families.templates.filter((template) => !needsScan(template))
  const scanned = families.templates.filter(needsScan)
  await findExact(store, families, exact, people, found)
  await findSets(store, families, people, found, io)
  if (scanned.length > 0) await scan(store, families, scanned, people, found, io)
  return found
}

/** E-mails may be written in any case, so their exact key is not known either. */
function needsScan(template: Template): boolean {
  return template.star || placeholders(template).includes('email')
}

async function findExact(
  store: Store,
  families: Families,
  templates: readonly Template[],
  people: readonly Wanted[],
  found: ReadonlyMap<number, Found>,
): Promise<void> {
  const matcher = matcherOf(families, people)
  const asked = people.flatMap(({ ord, ...wanted }) =>
    templates.flatMap((template) =>
      exactKeys(template, { ord, ...wanted }).map((key) => ({ key, template, ord, of: found.get(ord) })),
    ),
  )
  await existing(store, asked, ({ key, template, ord, of }) => {
    if (of && matcher.mayBeAnothers(key, ord, template)) of.ambiguous++
    else of?.keys.set(key, template.text)
  })
}

/** Reads keys by every template of the section: what one gives a person another may give somebody else. */
const matcherOf = ({ templates, sets, plainIds }: Families, people: readonly Wanted[]): KeyMatcher =>
  new KeyMatcher([...templates, ...sets.map(({ set }) => set)], people, plainIds)

async function existing<T extends { readonly key: string; readonly of: Found | undefined }>(
  store: Store,
  asked: readonly T[],
  there: (one: T) => void,
): Promise<void> {
  for (let start = 0; start < asked.length; start += IN_FLIGHT) {
    const page = asked.slice(start, start + IN_FLIGHT)
    const answers = await Promise.all(page.map(({ key }) => exists(store, key)))
    for (const [index, one] of page.entries()) {
      if (answers[index] === true) there(one)
      if (answers[index] === 'denied' && one.of) one.of.denied = true
    }
  }
}

/** Rights may differ from key to key, so a refusal concerns the key's person and nobody else. */
export async function exists({ client }: Store, key: string): Promise<boolean | 'denied'> {
  try {
    return (await client.exists(Buffer.from(key, 'latin1'))) === 1
  } catch (error) {
    if (isDenied(error)) return 'denied'
    throw error
  }
}

/** Reads the index sets and the keys their members name. */
export async function findSets(
  store: Store,
  families: Families,
  people: readonly Wanted[],
  found: ReadonlyMap<number, Found>,
  io: FindIo,
): Promise<void> {
  if (families.sets.length === 0) return
  const matcher = matcherOf(families, people)
  for (const wanted of people) {
    const of = found.get(wanted.ord)
    if (!of) continue
    for (const { set, key: memberKey } of families.sets) {
      for (const key of exactKeys(set, wanted)) {
        const members = await readMembers(store, key, io)
        if (members === 'denied') of.denied = true
        if (members === 'denied' || members.length === 0) continue
        if (matcher.mayBeAnothers(key, wanted.ord, set)) {
          of.ambiguous++
          continue
        }
        of.sets.push({ family: set.text, key, members })
        const named = members.map((member) => ({
          key: keyOfMember(memberKey, member, wanted),
          family: set.text,
          of,
        }))
        const followed = named.filter(
          (one): one is { key: string; family: string; of: Found } =>
            one.key !== null &&
            !one.key.startsWith(LETHE_PREFIX) &&
            !matcher.belongsToAnother(one.key, wanted.ord),
        )
        of.refusedMembers += named.length - followed.length
        await existing(store, followed, ({ key: name, family }) => {
          if (!of.keys.has(name)) of.keys.set(name, family)
        })
      }
    }
  }
}

async function readMembers(store: Store, key: string, io: FindIo): Promise<string[] | 'denied'> {
  try {
    return await membersOf(store, key, io)
  } catch (error) {
    if (isDenied(error)) return 'denied'
    throw error
  }
}

async function membersOf(store: Store, key: string, io: FindIo): Promise<string[]> {
  const members = new Set<string>()
  let cursor = '0'
  do {
    stopWhenAborted(io.signal)
    const [next, page] = await store.client.sscanBuffer(Buffer.from(key, 'latin1'), cursor, 'COUNT', PAGE)
    for (const member of page) members.add(member.toString('latin1'))
    cursor = next.toString()
  } while (cursor !== '0' && members.size <= (io.limit ?? Number.POSITIVE_INFINITY))
  return [...members]
}

function keyOfMember(template: Template, member: string, wanted: Wanted): string | null {
  if (member === '' || [...template.delimiters].some((delimiter) => member.includes(delimiter))) return null
  return template.tokens
    .map((token) => {
      if (token.type === 'literal') return Buffer.from(token.text, 'utf8').toString('latin1')
      if (token.type === 'star') return ''
      return token.name === 'tenant' ? wanted.tenant : member
    })
    .join('')
}

async function scan(
  store: Store,
  families: Families,
  templates: readonly Template[],
  people: readonly Wanted[],
  found: ReadonlyMap<number, Found>,
  io: FindIo,
): Promise<void> {
  const matcher = matcherOf(families, people)
  const pattern = scanPattern(templates)
  const limit = io.limit ?? Number.POSITIVE_INFINITY
  const take = (page: readonly Buffer[]) => {
    for (const bytes of page) {
      const key = bytes.toString('latin1')
      if (key.startsWith(LETHE_PREFIX)) continue
      for (const { template, ord, ambiguous } of matcher.match(key)) {
        const of = templates.includes(template) ? found.get(ord) : undefined
        if (of && ambiguous) of.ambiguous++
        else if (of && of.keys.size <= limit && !of.keys.has(key)) of.keys.set(key, template.text)
      }
    }
  }
  const before = addresses(store)
  await Promise.all(store.masters().map((node) => scanNode(node, pattern, take, io.signal)))
  if (addresses(store) !== before) {
    throw new RetryableError('topology_changed', 'The cluster changed its masters during the search.')
  }
}

/** Each page is at most a few thousand keys; SCAN ends because its cursor does. */
export async function scanNode(
  node: Redis,
  pattern: string,
  take: (page: readonly Buffer[]) => void,
  signal?: AbortSignal,
): Promise<void> {
  let cursor = '0'
  do {
    stopWhenAborted(signal)
    const [next, page] = await node.scanBuffer(cursor, 'MATCH', pattern, 'COUNT', PAGE)
    take(page)
    cursor = next.toString()
  } while (cursor !== '0')
}

function addresses(store: Store): string {
  return store
    .masters()
    .map(({ options }) => `${options.host}:${options.port}`)
    .sort()
    .join()
}

export function stopWhenAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RetryableError('aborted', 'The eraser is stopping; the batch is run again.')
}
