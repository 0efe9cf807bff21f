import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { compareSelf, type FoundSelf } from './compare.js'
import { type Head, HeadInvalid, type HeadPlace, readHead, writeHead } from './head-file.js'
import { headShape } from './settings.js'

// A disk that is nearly full takes a part of what it is given, and says how much: no error.
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const writeSync = (file: number, text: string) => fs.writeSync(file, text.slice(0, text.length >> 1))
  return { ...fs, writeSync }
})

const HASH = 'ab'.repeat(32)
const head: Head = {
  incarnation: 'one',
  previous: 'b1',
  current: 'b2',
  pending: null,
  identity: '7/00000001/5',
  writtenAt: 1,
  partitions: [
    { partition: 0, nextOffset: 10, records: 9, hash: HASH, live: HASH },
    { partition: 1, nextOffset: 0, records: 0, hash: '', live: '' },
  ],
}
const found: FoundSelf = {
  self: { incarnation: 'one', beat: 'b2', suspicion: null },
  identity: '7/00000001/5',
  partitions: new Map([[0, { nextOffset: 12, hash: HASH }]]),
}
const self = found.self as NonNullable<FoundSelf['self']>

describe("Lethe's own database", () => {
  it('is the one the head was written for when beat, incarnation, server and chain say so', () => {
    expect(compareSelf(head, found)).toEqual({ is: 'ok' })
    for (const beat of ['b1', 'b3'])
      expect(compareSelf({ ...head, pending: 'b3' }, { ...found, self: { ...self, beat } })).toEqual({
        is: 'ok',
      })
    expect(compareSelf(null, { ...found, self: null })).toEqual({ is: 'unguarded' })
  })

  it('is not taken for a copy while, or because, its very first beat stands in the file alone', () => {
    const first = { ...head, previous: null, current: null, pending: 'b1', partitions: [] }
    const none = { ...found, self: null, partitions: new Map() }
    expect(compareSelf(first, none)).toEqual({ is: 'unguarded' })
    expect(compareSelf(first, { ...none, self: { ...self, beat: 'b1' } })).toEqual({ is: 'ok' })
    expect(compareSelf({ ...first, current: 'b1' }, none).is).toBe('restored')
  })

  it('is not taken for a copy when a beat passed while it was asked, and is one whatever passed', () => {
    const later = { ...head, previous: 'b3', current: 'b4' }
    const at = (beat: string) => ({ ...found, self: { ...self, beat } })
    expect(compareSelf(head, at('b4')).is).toBe('restored')
    expect(compareSelf(head, at('b4'), later)).toEqual({ is: 'ok' })
    expect(compareSelf(head, at('b0'), later).is).toBe('restored')
  })

  const copies: readonly (readonly [string, Head | HeadInvalid | null, FoundSelf, string])[] = [
    ['a dump from before the last beat', head, { ...found, self: { ...self, beat: 'b0' } }, 'beat'],
    [
      'a dump from before a self-restore',
      head,
      { ...found, self: { ...self, incarnation: 'zero' } },
      'incarnation',
    ],
    ['a dump from before the first beat', head, { ...found, self: null }, 'no_incarnation'],
    ['a promoted timeline', head, { ...found, identity: '7/00000002/5' }, 'identity'],
    [
      'a chain that is shorter than the head',
      head,
      { ...found, partitions: new Map([[0, { nextOffset: 9, hash: HASH }]]) },
      'chain_behind',
    ],
    ['a partition that is gone', head, { ...found, partitions: new Map() }, 'chain_behind'],
    [
      'a chain with another past',
      head,
      { ...found, partitions: new Map([[0, { nextOffset: 12, hash: 'cd' }]]) },
      'chain_diverged',
    ],
    [
      'tombstones on the topic it has not',
      head,
      { ...found, self: { ...self, suspicion: 'topic_ahead' } },
      'topic_ahead',
    ],
    ['no head file', null, found, 'head_file_missing'],
    ['a forged head file', new HeadInvalid('was changed'), found, 'head_file_invalid'],
  ]
  it.each(copies)('is an older or another copy: %s', (_, outside, database, reason) => {
    expect(compareSelf(outside, database)).toEqual({ is: 'restored', reasons: [reason] })
  })
})

describe('the head file', () => {
  let place: HeadPlace
  beforeEach(() => {
    place = { file: join(mkdtempSync(join(tmpdir(), 'lethe-head-')), 'head.json'), secret: 's'.repeat(32) }
  })
  afterEach(() => rmSync(join(place.file, '..'), { recursive: true }))

  it('is read as it was written; there is none before the first', () => {
    expect(readHead(place)).toBeNull()
    writeHead(place, head)
    expect(readHead(place)).toEqual(head)
  })

  it('is not believed after any flip, cut or exchange of its text, or under another secret', () => {
    writeHead(place, head)
    const text = readFileSync(place.file, 'utf8')
    const believed = (changed: string) => {
      writeFileSync(place.file, changed)
      try {
        return readHead(place) !== null
      } catch (error) {
        expect(error).toBeInstanceOf(HeadInvalid)
        return false
      }
    }
    expect(believed(text)).toBe(true)
    for (let at = 0; at < text.length - 1; at += 7)
      expect(believed(text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1))).toBe(false)
    for (const cut of [0, 1, 40, text.length - 10]) expect(believed(text.slice(0, cut))).toBe(false)
    writeFileSync(place.file, text)
    expect(() => readHead({ ...place, secret: 't'.repeat(32) })).toThrow(/another secret/)
  })

  it('needs both settings and a secret that is long enough', () => {
    expect(headShape({})).toEqual([])
    expect(headShape({ LETHE_HEAD_FILE: 'f', LETHE_HEAD_SECRET: 's'.repeat(32) })).toEqual([])
    expect(headShape({ LETHE_HEAD_FILE: 'f' })).toEqual([
      expect.objectContaining({ name: 'LETHE_HEAD_SECRET' }),
    ])
    expect(headShape({ LETHE_HEAD_SECRET: 's' })).toEqual([
      expect.objectContaining({ name: 'LETHE_HEAD_FILE' }),
    ])
    expect(headShape({ LETHE_HEAD_FILE: 'f', LETHE_HEAD_SECRET: 's' })).toEqual([
      expect.objectContaining({ problem: expect.stringContaining('32') }),
    ])
  })
})
