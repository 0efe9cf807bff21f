import { type IdentifierType, type Pass, replayOf } from '@lethe/eraser-kit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { valuesOf } from './selector.js'
import { objectsOf, ordsOf, type Subjects, takenOf, WantedColumns, withoutLeft } from './subjects.js'

const types: readonly IdentifierType[] = ['user_id', 'email']
const passes = fc.array(
  fc.record({
    tenantId: fc.constantFrom('acme', '7', ''),
    receivedAt: fc.nat(),
    undated: fc.constantFrom('leave', 'take'),
    identifiers: fc.array(
      fc.record({
        type: fc.constantFrom(...types),
        value: fc.constantFrom('1', '2', '007', 'A@b.c', 'a@b.c', ''),
      }),
      { maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 8 },
)
type Given = (typeof passes extends fc.Arbitrary<infer One> ? One : never)[number]
const passOf = ({ undated, ...subject }: Given, place: number): Pass => ({
  ...{ requestId: `r${place}`, systemId: 'shop-pg', stepId: 's', passId: 'p', attempt: 1 },
  ...{ subject: { ...subject, subjectRef: 'ref' }, grant: { grantId: 'g', expiresAt: 1 } },
  ...{ ceilingWaived: false, undated: undated as 'leave' | 'take' },
})
const both = (given: readonly Given[]): readonly [Subjects, Subjects] => [
  new WantedColumns(replayOf(given.map(passOf))),
  given.map(({ undated, ...one }, ord) => ({
    ...{ ...one, ord, requestId: `r${ord}`, undated: undated as 'leave' | 'take' },
  })),
]

describe('subjects in columns', () => {
  it('are the same people as objects are', () => {
    fc.assert(
      fc.property(passes, (given) => {
        const [columns, objects] = both(given)
        expect(objectsOf(columns)).toEqual(objects)
        expect(ordsOf(columns)).toEqual(ordsOf(objects))
        expect(takenOf(columns)).toEqual(takenOf(objects))
        expect(withoutLeft(columns)).toEqual(withoutLeft(objects))
      }),
    )
  })

  it('have the same values for a column', () => {
    const column = (base: string) => ({ name: 'c', type: base, base, maxLength: null }) as never
    fc.assert(
      fc.property(
        passes,
        fc.constantFrom(...types),
        fc.constantFrom('int4', 'text', 'bpchar'),
        fc.constantFrom(null, 'int4', 'text'),
        (given, type, base, tenant) => {
          const [columns, objects] = both(given)
          const found = (subjects: Subjects) =>
            valuesOf(column(base), tenant === null ? null : column(tenant), type, subjects)
          expect(found(columns)).toEqual(found(objects))
        },
      ),
    )
  })

  it('leave what is undated to nobody where nobody says what becomes of it', () => {
    const [pass] = [passOf({ tenantId: 'acme', receivedAt: 1, undated: 'leave', identifiers: [] }, 0)]
    const { undated: _unsaid, ...unsaid } = pass as Pass
    const columns = new WantedColumns(replayOf([unsaid]))
    expect(withoutLeft(columns)).toBe(columns)
    expect(objectsOf(columns)).toEqual([
      { ord: 0, requestId: 'r0', tenantId: 'acme', identifiers: [], receivedAt: 1 },
    ])
  })
})
