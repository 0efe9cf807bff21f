import { describe, expect, it } from 'vitest'
import type { ReadLetter, Unread } from '../adapters/letter-reader.js'
import { DeadLetterWork } from './dead-letter-work.js'
import type { Identity } from './identity.js'
import type { Journal } from './journal.js'

const id = 'lethe.commands/0/7'
const letter = { id, group: 'eraser.cache', redrives: 0 } as ReadLetter['letter']
const journal = { around: (_: unknown, work: (id: string) => Promise<unknown>) => work('action') }

const work = (unread: Unread) => {
  const read = async () => [{ letter, copy: null, headers: {}, message: null, unread }]
  return new DeadLetterWork({ brokers: '' } as never, { read }, journal as unknown as Journal)
}
const operator = (tenants: string[]): Identity => ({
  caller: { id: 'one', roles: ['operator'], tenants, systemId: null },
  token: '',
  session: null,
})
const question = { group: 'eraser.cache', dryRun: true, rate: 1 }

describe('dead letters of which nobody can say whose they are', () => {
  it.each(['registry_unavailable', 'registry_not_configured'] as const)(
    'are not shown as none to who has some tenants only: %s',
    async (unread) => {
      const one = operator(['shop'])
      await expect(work(unread).look(one, 'eraser.cache', id)).rejects.toMatchObject({ code: 'unavailable' })
      await expect(work(unread).redrive(one, question)).rejects.toMatchObject({ code: 'unavailable' })
      expect(await work(unread).look(operator(['*']), 'eraser.cache', id)).toMatchObject({ id, unread })
    },
  )

  it('are there for who has all tenants only, where no decoding will ever tell', async () => {
    const one = operator(['shop'])
    await expect(work('no_copy').look(one, 'eraser.cache', id)).rejects.toMatchObject({ code: 'not_found' })
    expect(await work('no_copy').redrive(one, question)).toMatchObject({ selected: [], redriven: 0 })
    expect(await work('no_copy').look(operator(['*']), 'eraser.cache', id)).toMatchObject({ message: null })
  })
})
