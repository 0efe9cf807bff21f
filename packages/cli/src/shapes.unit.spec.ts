import type { LetheClient, RestoreClient } from '@lethe/client'
import { type Command, CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { buildProgram } from './program.js'
import { isKnown, placesOf } from './shapes.js'

/** Nobody's id, or everybody's, as a shell can pass it on. */
const hostile = [
  '',
  ' ',
  '*',
  'u1*',
  '?',
  '%',
  '_',
  'u1:x y',
  '..',
  '../vault',
  "u1' OR '1'='1",
  'u1"',
  'u1\u202e0',
  'u1\u200b',
  'jose\u0301 ',
  'u1\r\nx-injected: 1',
  'ada.lovelace+1@example.com',
  '9007199254740993',
  'x'.repeat(10_240),
]
const uuid = '01a1fddd-5610-7561-a7e7-2146ddabb07a'

/** The whole of `lethe` before services that write down what reaches them. */
async function lethe(...args: string[]) {
  const reached: unknown[] = []
  let said = ''
  const service = new Proxy(
    {},
    {
      get:
        (_target, name) =>
        (...given: unknown[]) => {
          reached.push([name, ...given])
          throw new Error('reached')
        },
    },
  )
  const program = buildProgram({
    client: () => service as LetheClient,
    restores: () => service as RestoreClient,
    print: (text) => {
      said += text
    },
    setExit: () => undefined,
    signal: new AbortController().signal,
  })
  for (const command of everyCommand(program)) {
    const { outputError } = command.configureOutput()
    command.configureOutput({
      writeErr: (text) => {
        said += text
      },
      ...(outputError ? { outputError } : {}),
    })
  }
  const error = await program.parseAsync(args, { from: 'user' }).then(
    () => null,
    (cause: unknown) => cause as Error,
  )
  return { reached, said: said + (error instanceof CommanderError ? '' : (error?.message ?? '')), error }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}

describe('what is given to lethe', () => {
  it('has a shape in every place that takes a value', () => {
    const ports = {} as Parameters<typeof buildProgram>[0]
    const places = everyCommand(buildProgram(ports)).flatMap((command) => placesOf(command))
    expect(places.length).toBeGreaterThan(50)
    expect(places.map(({ name }) => name).filter((name) => !isKnown(name))).toEqual([])
    expect(isKnown('<person>')).toBe(false)
  })

  const verbs = [
    'approve',
    'refuse',
    'hold',
    'release',
    'cancel',
    'extend',
    'retry',
    'reprobe',
    'show',
    'watch',
  ]
  const person = ['-t', 'acme', '--user-id', 'u1']
  const said = ['--system=archive', '--reference=protocol']
  const places: [string, (value: string) => string[]][] = [
    ...verbs.map((verb): [string, (value: string) => string[]] => [verb, (value) => [verb, value]]),
    ['retry --system', (value) => ['retry', uuid, `--system=${value}`]],
    ['reprobe --system', (value) => ['reprobe', uuid, `--system=${value}`]],
    ['take --system', (value) => ['take', uuid, `--system=${value}`]],
    ['evidence --system', (value) => ['evidence', uuid, `--system=${value}`]],
    ['attest --outcome', (value) => ['attest', uuid, ...said, `--outcome=${value}`]],
    ['attest --done-at', (value) => ['attest', uuid, ...said, '--outcome=not_found', `--done-at=${value}`]],
    ['list --system', (value) => ['list', `--system=${value}`]],
    ['list --status', (value) => ['list', `--status=${value}`]],
    [
      'list --cursor',
      (value) => ['list', `--cursor=${value === 'x'.repeat(10_240) ? `${value}` : `${value} `}`],
    ],
    ['request --grace-days', (value) => ['request', ...person, `--grace-days=${value}`]],
    ['request --idempotency-key', (value) => ['request', ...person, `--idempotency-key=${value} `]],
    ['dlq redrive', (value) => ['dlq', 'redrive', value]],
    ['dlq redrive --topic', (value) => ['dlq', 'redrive', `--topic=${value}`]],
    ['dlq redrive --group', (value) => ['dlq', 'redrive', `--group=${value} `]],
    ['dlq redrive --code', (value) => ['dlq', 'redrive', `--code=${value}1`]],
    ['dlq redrive --rate', (value) => ['dlq', 'redrive', `--rate=${value}`]],
    ['vault reseal', (value) => ['vault', 'reseal', `${value} `]],
    ['vault destroy', (value) => ['vault', 'destroy', `${value} `, '--yes']],
    ['restore status', (value) => ['restore', 'status', `${value} `]],
    ['restore retry', (value) => ['restore', 'retry', `${value} `]],
    ['restore open', (value) => ['restore', 'open', `${value} `, '--ticket', 'T1', '--yes']],
    ['restore open --ticket', (value) => ['restore', 'open', 'r1', `--ticket=${value} `, '--yes']],
    ['restore announce --system', (value) => ['restore', 'announce', `--system=${value}`]],
    [
      'restore announce --backup',
      (value) => ['restore', 'announce', '--system=shop-pg', `--backup=${value} `],
    ],
    ['restore history --system', (value) => ['restore', 'history', `--system=${value}`]],
    ['logs', (value) => ['logs', `${value} `]],
    ['up', (value) => ['up', value]],
    ['map check', (value) => ['map', 'check', `/nowhere/${value}`]],
    ['--identifiers-from', (value) => ['preview', '-t', 'acme', '--identifiers-from', `/nowhere/${value}`]],
  ]

  it.each(places)(
    '%s refuses what does not belong there, says why, does not repeat it, and asks nobody',
    { timeout: 60_000 },
    async (_name, args) => {
      for (const value of hostile) {
        const { reached, said, error } = await lethe(...args(value))
        expect(reached, JSON.stringify(value)).toEqual([])
        expect(error instanceof UsageError || error instanceof CommanderError, `${value}: ${error}`).toBe(
          true,
        )
        expect(said.length).toBeGreaterThan(10)
        if (value.trim().length > 3) expect(said).not.toContain(value.trim())
      }
    },
  )

  it.each([
    ['--email', ['request', '-t', 'acme', '--user-id', 'u1', '--email=']],
    ['--user-id', ['preview', '-t', 'acme', '--email', 'ada@example.com', '--user-id', '']],
    ['--tenant', ['list', '--tenant', '']],
    ['--status', ['list', '--status', '']],
    ['--topic', ['dlq', 'redrive', '--topic', '']],
    ['--regime', ['request', '-t', 'acme', '--user-id', 'u1', '--regime', '']],
    ['--database', ['rebuild', '--database', '']],
    ['<file>', ['map', 'check', '']],
  ])('%s that an empty variable of a script filled is refused, not left out', async (place, args) => {
    const { reached, said, error } = await lethe(...args)
    expect(error).toBeInstanceOf(UsageError)
    expect(said).toContain(`${place} is empty`)
    expect(reached).toEqual([])
  })

  it('goes to the service letter by letter when it is an identifier', async () => {
    for (const value of hostile.filter((one) => one !== '')) {
      const { reached } = await lethe(
        'preview',
        '-t',
        'acme',
        '--identifier',
        `user_id=${value}`,
        `--email=${value}`,
      )
      const identifiers = [
        { type: 'user_id', value },
        { type: 'email', value },
      ]
      expect(reached).toEqual([['preview', { tenantId: 'acme', identifiers }]])
    }
  })

  it('would be seen: a program that does not look asks the service', async () => {
    const { reached } = await lethe('show', uuid)
    expect(reached).toEqual([['get', uuid]])
  })
})
