import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { invariants } from '../checker/check.js'
import { instancesOf } from '../plan/faults.js'
import { chosenMutants, findings, mutants, renderFindings } from './mutants.js'

const verdict = (invariant: number, ...violations: string[]) => ({
  invariant,
  title: '',
  checked: 1,
  what: '',
  violations,
})

describe('what is broken on purpose', () => {
  it('breaks every invariant that is judged', () =>
    expect([...new Set(mutants.map(({ invariant }) => invariant))].sort((a, b) => a - b)).toEqual([
      ...invariants.keys(),
    ]))

  it('never puts two programs in the place of one process, and has every program', () => {
    const all = mutants.flatMap(({ instead }) => instead ?? [])
    const programs = new Map<string, Set<string>>()
    for (const { target, instance, program } of all) {
      const name = `${target}/${instance}`
      programs.set(name, (programs.get(name) ?? new Set()).add(program))
    }
    for (const [name, own] of programs) expect(own.size, name).toBe(1)
    for (const { target, instance, program } of all) {
      expect(instance).toBeLessThan(instancesOf(target))
      expect(existsSync(program.replace(/js$/, 'ts')), program).toBe(true)
    }
  })

  it('is found only when the checker says what it did, not when anything is broken', () => {
    const planted = chosenMutants('lost-outbox-row,forgetful-aggregator')
    const told = findings(planted, [verdict(8, 'r1 has 3 milestones, and 2 messages of them were published')])
    expect(told.map(({ found }) => found !== null)).toEqual([true, false])
    expect(renderFindings(told)).toContain('the checker is blind')
    expect(findings(planted, [verdict(9, 'r1 has 3 milestones, and 2 messages')])).toMatchObject([
      { found: null },
      { found: null },
    ])
  })

  it('is chosen by name, and a name that there is not is refused with those there are', () => {
    expect(chosenMutants('all')).toBe(mutants)
    expect(() => chosenMutants('greedy')).toThrow('greedy-cache')
  })
})
