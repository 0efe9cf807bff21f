import type { ErasureRequestView, LetheClient } from '@lethe/client'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { checkShapes } from './shapes.js'
import { addTaskCommands } from './task-commands.js'

const id = '0b0e7f2a-1f0f-4d0c-9a3e-2f2f6b1c9d10'
const task = {
  systemId: 'archive',
  passId: 'archive#1/initial',
  instructions: 'Shred the folder.',
  identifiers: [{ type: 'user_id', value: 'u1' }],
  receivedAt: 0,
  until: 3_600_000,
}
const view = (underHold: boolean) =>
  ({
    requestId: id,
    status: 'COMPLETED',
    tenantId: 'acme',
    regime: 'gdpr',
    receivedAt: 0,
    dueAt: 1,
    liveErasedAt: 1,
    backupClearAt: 2,
    owner: null,
    attested: ['archive'],
    systems: [],
    steps: [
      {
        stepId: 'archive#1',
        systemId: 'archive',
        status: 'ATTESTED',
        outcome: null,
        errorCode: null,
        counts: {},
        task: {
          role: 'operator',
          state: 'attested',
          openedAt: 0,
          dueAt: 1,
          taken: null,
          attestation: { outcome: 'erased', records: 2, doneAt: 0, by: 'olga', underHold },
        },
      },
    ],
  }) as unknown as ErasureRequestView

async function run(args: readonly string[], underHold = false) {
  const sent: unknown[] = []
  let printed = ''
  const client = {
    command: async (of: string, verb: string, body: object) => {
      sent.push([of, verb, body])
      return verb === 'take' ? { task } : view(underHold)
    },
    evidence: async (of: string, systemId: string) => {
      sent.push([of, 'evidence', { systemId }])
      return { systemId, reference: 'protocol 12', note: null }
    },
  } as unknown as LetheClient
  const program = new Command('lethe').exitOverride().configureOutput({ writeErr: () => undefined })
  program.hook('preAction', (_program, command) => checkShapes(command))
  addTaskCommands(program, {
    client: () => client,
    print: (text) => {
      printed += `${text}\n`
    },
    setExit: () => undefined,
    signal: new AbortController().signal,
  })
  await program.parseAsync(args, { from: 'user' })
  return { sent, printed }
}
const attest = [
  'attest',
  id,
  '--system',
  'archive',
  '--outcome',
  'erased',
  '--records',
  '2',
  '--reference',
  'protocol 12',
]

describe('lethe take', () => {
  it('says what to do, whom it is about and until when', async () => {
    const { sent, printed } = await run(['take', id, '--system', 'archive'])
    expect(sent).toEqual([[id, 'take', { systemId: 'archive' }]])
    for (const said of ['Shred the folder.', 'user_id  u1', '1970-01-01 01:00 UTC', 'is in the audit'])
      expect(printed).toContain(said)
    expect(JSON.parse((await run(['take', id, '--system', 'archive', '--json'])).printed)).toEqual({ task })
  })
})

describe('lethe attest', () => {
  it('sends what was said, and tells that it rests on that', async () => {
    const { sent, printed } = await run([
      ...attest,
      '--done-at',
      '2026-03-01T10:00:00Z',
      '--note',
      'two folders',
    ])
    const said = { systemId: 'archive', outcome: 'erased', records: 2, reference: 'protocol 12' }
    const doneAt = Date.UTC(2026, 2, 1, 10)
    expect(sent).toEqual([[id, 'attest', { ...said, doneAt, note: 'two folders' }]])
    expect(printed).toContain("rests on somebody's word, nobody could look: archive")
    expect(printed).toContain('attested · erased, 2 records, by olga')
    expect(printed).not.toContain('while a hold was in force')
  })

  it('tells plainly what was done while a hold was in force', async () => {
    expect((await run(attest, true)).printed).toContain('it was done while a hold was in force')
  })

  it.each([
    [[...attest.slice(0, 6), '--reference', 'x'], '--records goes with'],
    [[...attest.slice(0, 5), 'not_found', ...attest.slice(6)], '--records goes with'],
    [[...attest.slice(0, 5), 'verified', ...attest.slice(6)], '--outcome is erased or not_found'],
    [[...attest, '--done-at', 'yesterday'], '--done-at is an instant'],
  ])('refuses what makes no sense before anything is sent (%#)', async (args, says) => {
    await expect(run(args)).rejects.toThrow(says)
  })
})

describe('lethe evidence', () => {
  it('shows what was given', async () => {
    const { sent, printed } = await run(['evidence', id, '--system', 'archive'])
    expect(sent).toEqual([[id, 'evidence', { systemId: 'archive' }]])
    expect(printed).toContain('reference  protocol 12')
  })
})
