import { packTexts, TextColumn } from '@lethe/domain'
import { describe, expect, it } from 'vitest'
import { digestBytes } from '../domain/digest-set.js'
import { Gathering } from './gathering.js'
import type { LiveTombstone } from './tombstone-source.js'

const digest = (value: string) =>
  `v1.${digestBytes('pepper', 'shop', 'user_id', value).toString('base64url')}`

function tombstone(tombstoneId: string, change: Partial<LiveTombstone> = {}): LiveTombstone {
  const digested = { subjectRef: 'ref', tenantId: 'shop', receivedAt: 1, digests: [digest(tombstoneId)] }
  return { tombstoneId, requestId: 'request', mapVersion: 1, held: false, subject: null, digested, ...change }
}
const readable = { subjectRef: 'ref', tenantId: 'shop', receivedAt: 1, identifiers: [] }

describe('pages that are gone through', () => {
  it('say who is to be looked for by digests, once each, although one is read again in smaller ones', () => {
    const gathering = new Gathering(true)
    gathering.add([tombstone('a'), tombstone('b', { held: true })])
    gathering.add([tombstone('c'), tombstone('d', { subject: readable }), tombstone('e')])
    gathering.add([tombstone('c'), tombstone('d', { subject: readable })])
    gathering.add([tombstone('e'), tombstone('f')])
    gathering.add([])
    expect(gathering.all?.counts([{ version: 'v1' }])).toEqual({ sought: 4, lost: 0 })
    expect(gathering.all?.set.size).toBe(4)
  })

  it('go on behind a page of whom everybody can be read', () => {
    const gathering = new Gathering(true)
    gathering.add([tombstone('a')])
    gathering.pass('c')
    gathering.add([tombstone('b'), tombstone('c'), tombstone('d')])
    gathering.pass('b')
    gathering.add([tombstone('d'), tombstone('e')])
    expect(gathering.all?.counts([{ version: 'v1' }])).toEqual({ sought: 3, lost: 0 })
  })

  it('say it in columns too, and of a page that may be known in part one by one', () => {
    const gathering = new Gathering(true)
    const left = (...ids: string[]) => ({
      ...{ size: ids.length, firstId: ids[0] ?? '', lastId: ids.at(-1) ?? '' },
      ...{ mapVersions: ids.map(() => 1), tenantIds: ids.map(() => 'shop') },
      ...{
        begins: [...ids.keys(), ids.length],
        digests: TextColumn.from(packTexts(ids.map(digest))) as TextColumn,
      },
    })
    const unasked = () => expect.unreachable()
    gathering.addLeft(left('a', 'b'), unasked)
    gathering.addLeft(left('c', 'd', 'e'), unasked)
    gathering.addLeft(left('c', 'd'), () => ['c', 'd'].map((id) => tombstone(id)))
    gathering.addLeft(left('e', 'f'), () => ['e', 'f'].map((id) => tombstone(id)))
    gathering.addLeft(left('g'), unasked)
    expect(gathering.all?.counts([{ version: 'v1' }])).toEqual({ sought: 7, lost: 0 })
    expect(gathering.all?.set.size).toBe(7)
  })

  it('do not say it where they begin in the middle', () => {
    const gathering = new Gathering(false)
    gathering.add([tombstone('a')])
    expect(gathering.all).toBeNull()
  })
})
