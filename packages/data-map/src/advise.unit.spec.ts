import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { advise } from './advise.js'
import { locator } from './locate.js'
import { parseDataMap } from './parse.js'

const kinds = {
  notes: { kind: 'notes', stage: 'files', system: z.strictObject({ by: z.string() }), identifiers: () => [] },
} as const

const text = `version: 1
tenant: { none: true }
identifiers: { canonical: user_id }
systems:
  bare:
    kind: notes
    by: owner
  copy:
    kind: notes
    by: owner
    derivedFrom: [full]
    ceiling: 3
    backups: [{ name: a, keep: P1D }]
  full:
    kind: notes
    by: owner
    ceiling: 3
    backups: [{ name: a, keep: P1D }]
  other:
    kind: notes
    notApplicable: it holds prices
`

describe('advise', () => {
  it('names what a map leaves open, and nothing of systems that hold nobody', () => {
    const parsed = parseDataMap(text, kinds)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    expect(advise(parsed.map).map(({ systemId, code }) => `${systemId} ${code}`)).toEqual([
      'bare no_backups',
      'bare no_ceiling',
      'copy no_settle',
    ])
  })
})

describe('locator', () => {
  it('finds values by path, and the parent of what does not exist', () => {
    const at = locator(text)
    expect(at?.(['systems', 'copy', 'backups', 0, 'keep'])).toEqual({
      path: 'systems.copy.backups[0].keep',
      line: 13,
    })
    expect(at?.(['systems', 'bare', 'elements', 3])).toEqual({ path: 'systems.bare.elements[3]', line: 5 })
  })

  it('is null for what is no YAML', () => {
    expect(locator('a: [')).toBeNull()
  })
})
