import type { Incoming } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Guard } from '../application/guard.js'
import { AnnouncedController } from './announced.controller.js'

const good: wire.RestoreAnnounced = {
  restoreId: 'r-1',
  systemId: 'shop-pg',
  backupId: null,
  announcedBy: 'hook',
  gateMode: 'hooked',
  announcedAt: 1,
}
const canary = 'ada@example.com'

async function told(...values: wire.RestoreAnnounced[]) {
  const announced: unknown[] = []
  const guard = { announce: async (value: unknown) => void announced.push(value) } as unknown as Guard
  const controller = new AnnouncedController(guard, new Set(['shop-pg']))
  const batch = values.map((value) => ({ value }) as Incoming<wire.RestoreAnnounced>)
  const verdicts = (await controller.announced(batch)) ?? []
  return { announced, verdicts }
}

describe('restore.announced', () => {
  it('is taken, also beside ones that can not be meant: those go to the dead letters with what is wrong', async () => {
    const { announced, verdicts } = await told(
      good,
      { ...good, systemId: 'nobody-knows' },
      { ...good, backupId: '' },
    )
    expect(announced).toEqual([good])
    expect(verdicts.map(({ ok }) => ok)).toEqual([true, false, false])
    expect(verdicts[1]).toMatchObject({ error: { code: 'not_found' } })
    expect(verdicts[2]).toMatchObject({
      error: { code: 'invalid_request', message: expect.stringContaining('backupId') },
    })
  })

  it('with any text as a name is refused or taken as it is, and what is refused is not repeated', async () => {
    const names = ['restoreId', 'systemId', 'backupId'] as const
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.constantFrom(
        '*',
        '%',
        '../',
        'u1:x',
        "'",
        '\0',
        'null',
        '9007199254740993',
        '\u202eu1',
        'ａ',
        'x'.repeat(10_000),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), hostile, async (field, text) => {
        const { announced, verdicts } = await told(
          { ...good, [field]: text },
          { ...good, [field]: `${canary} ${text}` },
        )
        for (const verdict of verdicts) if (!verdict.ok) expect(verdict.error.message).not.toContain(canary)
        expect(verdicts[1]?.ok).toBe(false)
        if (verdicts[0]?.ok) expect(announced).toEqual([{ ...good, [field]: text }])
        else expect(announced).toEqual([])
      }),
    )
  })
})
