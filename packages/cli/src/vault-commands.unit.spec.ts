import type { LetheClient } from '@lethe/client'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { addVaultCommands } from './vault-commands.js'

const outlook = {
  epoch: '2026-11',
  entries: 9,
  notes: 1,
  requests: 3,
  neededRequests: 2,
  neededEntries: 6,
  neededNotes: 1,
  neededTombstones: 0,
  becomeUnreadable: 3,
}
const epoch = {
  ...outlook,
  startsAt: Date.UTC(2026, 10, 1),
  endsAt: Date.UTC(2026, 11, 1),
  destroyAt: Date.UTC(2026, 11, 31),
  closedAt: null,
  destroyingAt: null,
  destroyedAt: null,
  destroyedBy: null,
  shredded: null,
  current: true,
  hasKey: true,
}

async function run(...args: string[]) {
  const sent: [string, object][] = []
  let printed = ''
  const answering = (name: string, answer: object) => async (options: object) => {
    sent.push([name, options])
    return answer
  }
  const client = {
    vault: async () => ({ epochs: [epoch, { ...epoch, epoch: '2026-10', current: false, hasKey: false }] }),
    rotateVault: answering('rotate', { dryRun: false, epoch: '2026-12-01' }),
    resealVault: answering('reseal', {
      dryRun: false,
      outlook,
      resealed: { requests: 2, entries: 6, notes: 1, unreadable: ['r9'] },
    }),
    destroyEpoch: answering('destroy', { dryRun: false, outlook, backupClear: 4 }),
    peppers: async () => ({
      peppers: [
        {
          version: 'v1',
          source: 'given',
          state: 'current',
          addedAt: 0,
          retiredAt: null,
          requests: 7,
          idempotencyKeys: 5,
        },
      ],
    }),
    rotatePepper: answering('pepper', { dryRun: false, version: 'v2' }),
  } as unknown as LetheClient
  const program = new Command('lethe')
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text) })
  addVaultCommands(program, {
    client: () => client,
    print: (text) => {
      printed += `${text}\n`
    },
    setExit: () => {},
    signal: new AbortController().signal,
  })
  await program.parseAsync(['vault', ...args], { from: 'user' })
  return { printed, sent }
}

describe('lethe vault', () => {
  it('shows every epoch with its dates, what is sealed and what of it is needed, and a key that is missing', async () => {
    expect((await run('status')).printed).toBe(
      `epoch    state        starts                ends                  destroyed             sealed  needed
2026-11  current      2026-11-01 00:00 UTC  2026-12-01 00:00 UTC  2026-12-31 00:00 UTC  10      7
2026-10  KEY MISSING  2026-11-01 00:00 UTC  2026-12-01 00:00 UTC  2026-12-31 00:00 UTC  10      7
`,
    )
    expect(JSON.parse((await run('status', '--json')).printed).epochs).toHaveLength(2)
  })

  it('destroys only when it is meant, and shows before what it would do', async () => {
    await expect(run('destroy', '2026-11')).rejects.toThrow(UsageError)
    await expect(run('destroy', '2026-11')).rejects.toThrow('--dry-run, then say --yes')
    const dry = await run('destroy', '2026-11', '--dry-run')
    expect(dry.sent).toEqual([['destroy', { epoch: '2026-11', dryRun: true, giveUpUnreadable: false }]])
    expect(dry.printed).toBe('Dry run. 2 requests still need 7 of the 10 entries under 2026-11.\n')
    const meant = await run('destroy', '2026-11', '--yes')
    expect(meant.printed).toContain('can never be read again')
    expect(meant.printed).toContain('4 requests are backup-clear')
  })

  it('rotates and reseals, and names what does not open by request id', async () => {
    expect((await run('rotate')).printed).toBe('sealing under 2026-12-01 from now on\n')
    expect((await run('rotate', '--dry-run')).sent).toEqual([['rotate', { dryRun: true }]])
    expect((await run('reseal', '2026-11')).printed).toBe(
      'sealed anew: 6 entries and 1 notes of 2 requests\nthese do not open and stay where they are: r9\n',
    )
  })

  it('shows and rotates peppers', async () => {
    expect((await run('pepper', 'status')).printed).toContain('v1      current  LETHE_PEPPERS')
    expect((await run('pepper', 'rotate')).printed).toContain('v2 is made')
  })

  it('explains itself', async () => {
    await expect(run('--help')).rejects.toMatchObject({ code: 'commander.helpDisplayed' })
  })
})
