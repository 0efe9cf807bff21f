import type { RestoreClient, RestoreView } from '@lethe/client'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { addRestoreCommands } from './restore-commands.js'

const view: RestoreView = {
  restoreId: 'r1',
  systemId: 'shop-pg',
  backupId: null,
  announcedBy: 'marker',
  gateMode: 'unhooked',
  phase: 'opened',
  announcedAt: Date.UTC(2026, 10, 21),
  shutAt: Date.UTC(2026, 10, 21),
  openedAt: Date.UTC(2026, 10, 21),
  windowMs: 900,
  sessionsEnded: 1,
  tombstones: 3,
  replayed: 2,
  alreadyAbsent: 1,
  held: 0,
  residual: {},
  waiting: [],
}

const sweep = {
  sweepId: 's1',
  systemId: 'shop-pg',
  kind: 'full',
  startedAt: Date.UTC(2026, 10, 21),
  finishedAt: Date.UTC(2026, 10, 21),
  probed: 40,
  residual: 2,
  restoreId: 'r9',
} as const

async function run(answers: RestoreView[], ...args: string[]) {
  const sent: string[] = []
  let printed = ''
  let exit = 0
  const next = async () => (answers.length > 1 ? answers.shift() : answers[0]) as RestoreView
  const client = {
    restores: async () => answers,
    restore: next,
    gate: async (systemId: string) => {
      if (systemId === 'shop-gp') throw new Error('No such system is watched here')
      return { state: 'open' }
    },
    announce: async (given: object) => {
      sent.push(JSON.stringify(given))
      return next()
    },
    retry: next,
    sweep: async (systemId: string) => {
      sent.push(systemId)
      return { ...sweep, finishedAt: null, residual: 0 }
    },
    oneSweep: async () => sweep,
    sweeps: async () => [sweep],
    open: async (_id: string, ticket: string) => {
      sent.push(ticket)
      return next()
    },
  } as unknown as RestoreClient
  const program = new Command('lethe').exitOverride().configureOutput({ writeErr: () => undefined })
  addRestoreCommands(program, {
    restores: () => client,
    print: (text) => {
      printed += `${text}\n`
    },
    setExit: (code) => {
      exit = code
    },
    signal: new AbortController().signal,
  })
  await program.parseAsync(['restore', ...args], { from: 'user' })
  return { printed, exit, sent }
}

describe('lethe restore', () => {
  it('tell of a gate that somebody opened past Lethe, by history and by status', async () => {
    const noticedAt = Date.UTC(2026, 10, 21, 12)
    const opened = { ...view, foundOpen: [{ noticedAt, shutUntil: noticedAt - 60_000, sessionsEnded: 2 }] }
    for (const asked of [['history'], ['status', 'r1']]) {
      const { printed } = await run([opened], ...asked)
      expect(printed).toContain('was opened past Lethe after 2026-11-21')
      expect(printed).toContain('2 sessions ended')
    }
    expect((await run([view], 'history')).printed).not.toContain('past Lethe')
  })

  it('lists what came back, and says how long it may have been used', async () => {
    expect((await run([view], 'history')).printed).toContain('shop-pg')
    expect((await run([view], 'status', 'r1')).printed).toContain('may have been used for 900 ms')
  })

  it('says of a system that nobody watches that it is unknown, and of one that is that it has no restores', async () => {
    expect((await run([], 'history', '--system', 'shop-pg')).printed).toBe('No restores.\n')
    await expect(run([], 'history', '--system', 'shop-gp')).rejects.toThrow('No such system')
    await expect(run([], 'history', '--system', 'shop-gp', '--json')).rejects.toThrow('No such system')
    expect((await run([view], 'history', '--system', 'shop-gp')).printed).toContain('shop-pg')
  })

  it('follows a restore to its end and ends with 0 only when the gate is open', async () => {
    const waiting = { ...view, phase: 'waiting', waiting: [{ code: 'held', detail: 'Release it.' }] } as const
    const opened = await run([{ ...view, phase: 'replaying' }, view], 'status', 'r1', '--wait')
    expect(opened).toMatchObject({ exit: 0, printed: expect.stringContaining('opened') })
    const { exit, printed } = await run([waiting], 'announce', '--system', 'shop-pg', '--wait')
    expect(exit).toBe(5)
    expect(printed).toContain('held: Release it.')
    const superseded = await run([{ ...view, phase: 'superseded', openedAt: null }], 'status', 'r1', '--wait')
    expect(superseded.exit).toBe(5)
    const shutting = { ...view, phase: 'announced', openedAt: null } as const
    const detail = 'GRANT owner TO replay'
    const stuck = { ...shutting, waiting: [{ code: 'gate_not_operable', detail }] }
    const ended = await run([shutting, stuck], 'announce', '--system', 'shop-pg', '--wait')
    expect(ended).toMatchObject({ exit: 5, printed: expect.stringContaining(detail) })
    const renamed = { code: 'failed', detail: 'A table of the data map does not exist.' }
    const unfit = { ...view, phase: 'replaying', openedAt: null, waiting: [renamed] } as const
    for (const command of [
      ['status', 'r1'],
      ['status', 'r1', '--wait'],
    ])
      expect(await run([unfit], ...command)).toMatchObject({
        exit: 5,
        printed: expect.stringContaining(renamed.detail),
      })
    const awaited = { ...shutting, waiting: [{ code: 'not_restored_yet', detail: 'Restore it.' }] }
    expect(await run([awaited, view], 'status', 'r1', '--wait')).toMatchObject({ exit: 0 })
  })

  it('opens by hand only with a ticket and --yes', async () => {
    await expect(run([view], 'open', 'r1', '--ticket', 'OPS-7')).rejects.toThrow(UsageError)
    await expect(run([view], 'open', 'r1', '--yes')).rejects.toThrow(/--ticket/)
    expect((await run([view], 'open', 'r1', '--yes', '--ticket', 'OPS-7')).sent).toEqual(['OPS-7'])
  })

  it('prepares a server by its files alone, and says which options belong to which', async () => {
    await expect(run([], 'prepare', '--acl-file', 'users.acl')).rejects.toThrow(/--system/)
    await expect(run([], 'prepare', '--system', 'cache')).rejects.toThrow(
      /--acl-file or --config of a Redis, --data-directory or --url/,
    )
    await expect(run([], 'prepare', '--system', 'cache', '--acl-file', 'not-there')).rejects.toThrow(
      /can not be read/,
    )
    const search = ['prepare', '--system', 'search', '--search-url']
    await expect(run([], ...search, 'http://localhost:1')).rejects.toThrow(/repository\/snapshot/)
    await expect(run([], ...search, 'localhost', '--snapshot', 'a/b')).rejects.toThrow(/https:/)
    await expect(run([], ...search, 'http://localhost:1', '--acl-file', 'x')).rejects.toThrow(/one of them/)
  })

  it('sweeps a system, waits for its end, and ends with 0 only when nobody had come back', async () => {
    const { printed, exit, sent } = await run([], 'sweep', '--system', 'shop-pg', '--wait')
    expect(sent).toEqual(['shop-pg'])
    expect(printed).toContain('40 looked for, 2 had come back')
    expect(printed).toContain('r9')
    expect(exit).not.toBe(0)
    expect((await run([], 'sweep')).printed).toContain('s1')
  })
})
