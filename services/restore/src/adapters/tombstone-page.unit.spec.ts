import { packRuns, packTexts } from '@lethe/domain'
import { describe, expect, it } from 'vitest'
import type { TombstonePage } from '../application/tombstone-source.js'
import { pageIn } from './tombstone-page.js'

const person = { subjectRef: 's', tenantId: 't', receivedAt: 1 }
const two = [
  { type: 'email', value: 'a@example.com' },
  { type: 'user_id', value: '7' },
]
const named = { tombstoneId: 't1', requestId: 'r1', mapVersion: 1, held: false, ceilingWaived: true }
const of = (n: number) => ({ ...named, tombstoneId: `t${n}`, requestId: `r${n}`, ceilingWaived: false })
const tombstones = [
  { ...named, subject: { ...person, identifiers: two } },
  { ...of(2), held: true, subject: null },
  { ...of(3), subject: null, code: 'gone', digested: { ...person, digests: ['v1.x', 'v2.y'] } },
  { ...of(4), mapVersion: 2, subject: null, code: 'not_found' },
  { ...of(5), subject: { ...person, subjectRef: 'other', identifiers: two.slice(1) } },
  { ...of(6), subject: null, code: 'gone', digested: { ...person, digests: ['v1.z'] } },
]
/** What request answers of these, unpacked. */
const columns = {
  tombstoneIds: ['t1', 't2', 't3', 't4', 't5', 't6'],
  requestIds: ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'],
  mapVersions: [1, 1, 1, 2, 1, 1],
  held: [1],
  ceilingWaived: [0],
  codes: [null, null, 'gone', 'not_found', null, 'gone'],
  subjectRefs: ['s', null, 's', null, 'other', 's'],
  tenantIds: ['t', null, 't', null, 't', 't'],
  receivedAt: [1, null, 1, null, 1, 1],
  identifiers: {
    counts: [2, 0, 0, 0, 1, 0],
    types: ['email', 'user_id', 'user_id'],
    values: ['a@example.com', '7', '7'],
  },
  digests: { counts: [0, 0, 2, 0, 0, 1], values: ['v1.x', 'v2.y', 'v1.z'] },
}
type Lists = Readonly<Record<string, unknown>>
const TEXTS = ['tombstoneIds', 'requestIds', 'subjectRefs', 'values']

/** What is no list of what belongs there is sent as it is. */
function packed(lists: Lists): Lists {
  return Object.fromEntries(
    Object.entries(lists).map(([key, list]) => {
      if (['held', 'ceilingWaived'].includes(key) || list === null || typeof list !== 'object')
        return [key, list]
      if (!Array.isArray(list)) return [key, packed(list as Lists)]
      if (!TEXTS.includes(key)) return [key, packRuns(list)]
      return [key, list.every((one) => one === null || typeof one === 'string') ? packTexts(list) : list]
    }),
  )
}
const page = (changed: object) => pageIn({ validUntil: 5, columns: packed({ ...columns, ...changed }) })
const place = (list: readonly unknown[], at: number, one: unknown) =>
  list.map((was, n) => (n === at ? one : was))

/** Its tombstones as plain objects. */
const told = (of: TombstonePage | null) =>
  of?.tombstones.map(
    ({ tombstoneId, requestId, mapVersion, held, ceilingWaived, subject, code, digested }) => ({
      ...{ tombstoneId, requestId, mapVersion, held, ceilingWaived, subject, code, digested },
    }),
  )

describe('a page of tombstones in columns', () => {
  it('is put together, everybody with what is theirs', () => {
    expect(page({})?.validUntil).toBe(5)
    expect(told(page({}))).toEqual(tombstones)
    const empty = Object.fromEntries(Object.keys(columns).map((key) => [key, []]))
    const none = {
      ...empty,
      identifiers: { counts: [], types: [], values: [] },
      digests: { counts: [], values: [] },
    }
    expect(told(page(none))).toEqual([])
  })

  it('makes its tombstones once', () => {
    const one = page({})
    expect(one?.tombstones[0]).toBe(one?.tombstones[0])
  })

  it('has people in columns where everybody can be looked for under one map', () => {
    // Who is held, or can't be read, or is of another map, needs a look of their own.
    expect(page({})?.people).toBeNull()
    const readable = {
      ...{ tombstoneIds: ['t1', 't5'], requestIds: ['r1', 'r5'], mapVersions: [1, 1], held: [] },
      ...{ codes: [null, null], subjectRefs: ['s', 'other'], tenantIds: ['t', 't'], receivedAt: [1, 1] },
      identifiers: { ...columns.identifiers, counts: [2, 1] },
      digests: { counts: [0, 0], values: [] },
    }
    const { types, values } = columns.identifiers
    const people = page(readable)?.people
    expect([people?.size, people?.lastId, people?.mapVersion]).toEqual([2, 't5', 1])
    const named = { tenantIds: ['t', 't'], receivedAt: [1, 1] }
    expect(people?.columns).toEqual({ ...named, counts: [2, 1], types, values })
    expect([people?.tombstoneIds, people?.requestIds]).toEqual([
      ['t1', 't5'],
      ['r1', 'r5'],
    ])
    expect([...(people?.ceilingWaived ?? [])]).toEqual([0])
    const nobody = { subjectRefs: [null, null], tenantIds: [null, null], receivedAt: [null, null] }
    const noIdentifiers = { identifiers: { counts: [0, 0], types: [], values: [] } }
    expect(page({ ...readable, mapVersions: [1, 2] })?.people).toBeNull()
    expect(page({ ...readable, ...nobody, ...noIdentifiers })?.people).toBeNull()
    expect(page({ ...readable, ...noIdentifiers, codes: ['gone', 'gone'] })?.people).toBeNull()
    expect(page({ ...readable, ...nobody, ...noIdentifiers, held: [0, 1] })?.people).toBeNull()
    expect(page({ ...readable, ...noIdentifiers })?.people?.columns.counts).toEqual([0, 0])
  })

  it('has what is left of people in columns where nobody can be read', () => {
    expect(page({})?.left).toBeNull()
    const left = {
      ...{
        tombstoneIds: ['t3', 't4', 't6'],
        requestIds: ['r3', 'r4', 'r6'],
        mapVersions: [1, 2, 1],
        held: [],
      },
      ...{ codes: ['gone', 'not_found', 'gone'], subjectRefs: ['s', null, 's'], tenantIds: ['t', null, 't'] },
      ...{ receivedAt: [1, null, 1], identifiers: { counts: [0, 0, 0], types: [], values: [] } },
      digests: { ...columns.digests, counts: [2, 0, 1] },
    }
    const found = page(left)?.left
    expect(found).toMatchObject({ size: 3, firstId: 't3', lastId: 't6', mapVersions: [1, 2, 1] })
    expect(found?.tenantIds).toEqual(['t', null, 't'])
    expect(Array.from(found?.begins ?? [])).toEqual([0, 2, 2, 3])
    expect(found?.digests.slice(0, 3)).toEqual(columns.digests.values)
    expect(page({ ...left, held: [1] })?.left).toBeNull()
    const email = { type: 'email', value: 'a@example.com' } as const
    const id = { type: 'user_id', value: '7' } as const
    const others = {
      ...{
        tombstoneIds: ['t3', 't6'],
        requestIds: ['r3', 'r6'],
        mapVersions: [1, 1],
        codes: ['gone', 'gone'],
      },
      ...{ subjectRefs: ['s', 's'], tenantIds: ['t', 't'], receivedAt: [1, 2], ceilingWaived: [1] },
      ...{
        identifiers: { counts: [0, 0], types: [], values: [] },
        digests: { ...columns.digests, counts: [2, 1] },
      },
    }
    const known = (of: object, ...digests: (readonly [string, typeof email | typeof id])[]) =>
      page({ ...left, ...of })?.left?.known(new Map(digests))
    const people = known(others, ['v1.x', email], ['v2.y', id], ['v1.z', id], ['v1.other', id])
    expect(people?.columns).toEqual({
      ...{ tenantIds: ['t', 't'], receivedAt: [1, 2], counts: [2, 1] },
      ...{ types: ['email', 'user_id', 'user_id'], values: [email.value, id.value, id.value] },
    })
    expect([people?.size, people?.mapVersion, people?.lastId]).toEqual([2, 1, 't6'])
    expect([people?.tombstoneIds, people?.requestIds]).toEqual([
      ['t3', 't6'],
      ['r3', 'r6'],
    ])
    expect([...(people?.ceilingWaived ?? [])]).toEqual([1])
    expect(known(others, ['v2.y', id], ['v1.z', id])?.columns).toMatchObject({ counts: [1, 1] })
    // Of whom nothing was found, who is not named, or is of another map: a look of their own.
    expect(known(others, ['v1.x', email])).toBeNull()
    expect(known({}, ['v1.x', email], ['v1.z', id])).toBeNull()
    expect(known({ ...others, mapVersions: [1, 2] }, ['v1.x', email], ['v1.z', id])).toBeNull()
    expect(page({ ...left, codes: ['gone', null, 'gone'] })?.left).toBeNull()
  })

  it('is none where a column is missing, too short, too long or of another type', () => {
    const lists = Object.entries(columns).filter(([, list]) => Array.isArray(list)) as [string, unknown[]][]
    for (const [key, list] of lists) {
      for (const wrong of [undefined, null, 'x', {}, [{}], [Number.NaN]])
        expect(page({ [key]: wrong }), key).toBeNull()
      if (['held', 'ceilingWaived'].includes(key)) continue
      for (const wrong of [list.slice(1), [...list, list[0]]]) expect(page({ [key]: wrong }), key).toBeNull()
    }
    for (const key of ['tombstoneIds', 'requestIds'] as const)
      expect(page({ [key]: place(columns[key], 0, null) }), key).toBeNull()
    for (const key of ['held', 'ceilingWaived'])
      for (const wrong of [[6], [-1], [0.5], ['0']]) expect(page({ [key]: wrong }), key).toBeNull()
    for (const key of ['identifiers', 'digests'] as const) {
      const many = columns[key] as Readonly<Record<string, unknown[]>>
      expect(page({ [key]: [] }), key).toBeNull()
      for (const [inner, list] of Object.entries(many))
        for (const wrong of [
          undefined,
          'x',
          list.slice(1),
          [...list, list[0]],
          place(list, 0, -1),
          place(list, 0, true),
          place(list, 0, null),
        ])
          expect(page({ [key]: { ...many, [inner]: wrong } }), `${key}.${inner}`).toBeNull()
    }
    for (const other of [
      null,
      [],
      1,
      { validUntil: '5', columns: packed(columns) },
      { validUntil: 5 },
      { validUntil: 5, columns },
      { validUntil: 5, tombstones },
    ])
      expect(pageIn(other)).toBeNull()
  })

  it('is none where columns do not agree about somebody', () => {
    for (const key of ['subjectRefs', 'tenantIds', 'receivedAt'] as const) {
      expect(page({ [key]: place(columns[key], 0, null) }), key).toBeNull()
      expect(page({ [key]: place(columns[key], 3, columns[key][0]) }), key).toBeNull()
    }
    // Held, and named; known, and said to be unreadable; unreadable, and read.
    expect(page({ held: [0] })).toBeNull()
    expect(page({ codes: place(columns.codes, 0, 'gone') })).toBeNull()
    expect(page({ codes: place(columns.codes, 2, null) })).toBeNull()
    // Of somebody whom nobody names.
    const { identifiers, digests } = columns
    expect(page({ identifiers: { ...identifiers, counts: [2, 0, 0, 1, 0, 0] } })).toBeNull()
    expect(page({ identifiers: { ...identifiers, counts: [2, 0, 1, 0, 0, 0] } })).toBeNull()
    expect(page({ digests: { ...digests, counts: [0, 1, 2, 0, 0, 0] } })).toBeNull()
    expect(page({ digests: { ...digests, counts: [1, 0, 2, 0, 0, 0] } })).toBeNull()
  })
})
