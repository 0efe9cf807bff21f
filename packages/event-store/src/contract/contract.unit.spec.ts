import { describe, expect, it } from 'vitest'
import { type CheckName, checks, eventStoreContract } from './index.js'
import { MemoryEventStore } from './memory-event-store.js'
import { mutants } from './mutants.js'

eventStoreContract('memory', async () => new MemoryEventStore())

describe('the contract notices a broken store', () => {
  for (const { make: Mutant, noticedBy } of mutants)
    for (const name of noticedBy)
      it(`${Mutant.name} fails "${checks[name].title}"`, async () => {
        await expect(checks[name].run(new Mutant())).rejects.toThrow()
      })

  it('every check has a store that fails it', () => {
    const covered = new Set<CheckName>(mutants.flatMap(({ noticedBy }) => noticedBy))
    expect([...covered].sort()).toEqual(Object.keys(checks).sort())
  })
})
