import type { ImportedTombstones, ImportLine, ImportOptions, LetheClient } from '@lethe/client'
import { UnreachableError } from '@lethe/client'
import { describe, expect, it } from 'vitest'
import { importFile } from './import-command.js'
import { LineReader } from './import-lines.js'

const NOW = Date.UTC(2026, 10, 22, 12)
const read = (lines: string[], tenant?: string) => {
  const reader = new LineReader({ tenant, now: NOW })
  return lines.map((line) => reader.read(line))
}

describe('a file of people who were erased before Lethe', () => {
  it('is CSV with a header, quotes and empty fields', () => {
    const [header, one, two, blank] = read([
      '\uFEFFtenant,user_id,email,vendor:stripe,erased_at,systems',
      'shop,u1,"a,""b""@example.com",,2024-05-31,shop-pg cache',
      'shop,u2,,cus_2,2024-05-31T10:00:00+02:00,',
      '  ',
    ])
    expect([header, blank]).toEqual([null, null])
    expect(one).toEqual({
      line: 2,
      tenantId: 'shop',
      identifiers: [
        { type: 'user_id', value: 'u1' },
        { type: 'email', value: 'a,"b"@example.com' },
      ],
      erasedAt: Date.UTC(2024, 4, 31, 23, 59, 59, 999),
      systems: ['shop-pg', 'cache'],
    })
    expect(two).toMatchObject({ line: 3, erasedAt: Date.UTC(2024, 4, 31, 8) })
    expect(two).not.toHaveProperty('systems')
  })

  it('is NDJSON with the same names, and more than one value', () => {
    const [one] = read(['{"user_id":["u1","u2"],"erased_at":"2026-11-22","systems":["shop-pg"]}'], 'shop')
    expect(one).toMatchObject({ tenantId: 'shop', identifiers: [{ value: 'u1' }, { value: 'u2' }] })
    // A day that is not over counts to now.
    expect(one).toMatchObject({ erasedAt: NOW })
  })

  it('has bad lines by number and rule, which never repeat what stands there', () => {
    const csv = [
      'user_id,erased_at,tenant',
      'secret-1,2024-02-30,shop',
      'secret-2,2024-01-01',
      '"secret-3,x',
      'secret-4,2024-01-01,',
      ',2024-01-01,shop',
      'secret-5,1704067200,shop',
    ]
    const json = [
      '{"user_id":"secret-6"',
      '["secret-7"]',
      '{"secret-8":"x"}',
      '{"user_id":7,"erased_at":"2024-01-01"}',
    ]
    const bad = [...read(csv).slice(1), ...read(['{}', ...json], 'shop').slice(1)]
    expect(bad.map((one) => one && 'code' in one && one.code)).toEqual([
      'invalid_date',
      'invalid_line',
      'invalid_line',
      'unknown_tenant',
      'no_identifier',
      'invalid_date',
      'invalid_line',
      'invalid_line',
      'invalid_line',
      'invalid_line',
    ])
    expect(JSON.stringify(bad)).not.toContain('secret')
  })

  it('without a header is refused by the place of the first column, which is somebody', () => {
    expect(() => read(['u1@example.com,2024-01-01'])).toThrow(
      /^line 1, column 1: the first line names the columns/,
    )
    expect(() => read(['user_id,email'])).toThrow('line 1: there is no column erased_at')
  })
})

interface Call extends ImportOptions {
  readonly lines: readonly ImportLine[]
}

async function run(
  lines: string[],
  given: Parameters<typeof importFile>[1],
  answer: (call: Call, count: number) => Partial<ImportedTombstones> | Error = () => ({}),
  stopAfter = Number.POSITIVE_INFINITY,
) {
  const calls: Call[] = []
  const stop = new AbortController()
  let printed = ''
  let exit = 0
  const client = {
    importTombstones: async (sent: readonly ImportLine[], options: ImportOptions) => {
      calls.push({ lines: sent, ...options })
      if (calls.length >= stopAfter) stop.abort()
      const told = answer({ lines: sent, ...options }, calls.length)
      if (told instanceof Error) throw told
      return { imported: sent.length, already: 0, expired: 0, bad: [], ...told }
    },
  } as unknown as LetheClient
  const file = {
    async *lines() {
      yield* lines
    },
    close: async () => undefined,
  }
  const ports = {
    client: () => client,
    print: (text: string) => {
      printed += `${text}\n`
    },
    setExit: (code: number) => {
      exit = code
    },
    signal: stop.signal,
  }
  await importFile(file, given, ports)
  return { calls, printed, exit }
}

const people = (count: number) => [
  'user_id,erased_at',
  ...Array.from({ length: count }, (_, n) => `u${n},2024-01-01`),
]

describe('lethe tombstones import', () => {
  it('looks at everybody before it imports anybody, in calls of bounded size', async () => {
    const { calls, printed, exit } = await run(people(1_100), { tenant: 'shop' })
    expect(calls.map(({ dryRun, lines }) => [dryRun, lines.length])).toEqual([
      [true, 500],
      [true, 500],
      [true, 100],
      [false, 500],
      [false, 500],
      [false, 100],
    ])
    expect(printed).toContain('1100 lines: 1100 imported, 0 known already')
    expect(exit).toBe(0)
  })

  it('imports nothing where a line is bad, here or as the service sees it, unless it is told to skip them', async () => {
    const lines = [...people(3), 'u9,no-date']
    const answer = () => ({
      imported: 2,
      bad: [{ line: 3, code: 'unknown_system', detail: 'names a system' }],
    })
    const refused = await run(lines, { tenant: 'shop' }, answer)
    expect(refused.calls.every(({ dryRun }) => dryRun)).toBe(true)
    expect(refused.printed).toContain('line 3: unknown_system: names a system\nline 5: invalid_date: ')
    expect(refused.printed).toContain('4 lines: 0 imported')
    expect(refused.printed).not.toContain('u9')
    expect(refused.exit).toBe(5)
    const skipped = await run(lines, { tenant: 'shop', skipBad: true }, answer)
    expect(skipped.calls.map(({ dryRun, skipBad }) => [dryRun, skipBad])).toEqual([
      [true, true],
      [false, true],
    ])
    expect(skipped.exit).toBe(5)
  })

  it('only looks with --dry-run, and tells machines in one line of JSON', async () => {
    const { calls, printed, exit } = await run(people(2), { tenant: 'shop', dryRun: true, json: true })
    expect(calls).toHaveLength(1)
    expect(JSON.parse(printed)).toMatchObject({ end: 'looked', lines: 2, imported: 2, bad: 0 })
    expect(exit).toBe(0)
  })

  it('sends again what was not answered, and says how to go on when it is interrupted', async () => {
    const away = await run(people(1), { tenant: 'shop' }, (_call, count) =>
      count === 2 ? new UnreachableError('away') : {},
    )
    expect(away.calls).toHaveLength(3)
    const stopped = await run(people(1_100), { tenant: 'shop' }, () => ({}), 4)
    expect(stopped.calls.at(-1)?.dryRun).toBe(false)
    expect(stopped.printed).toContain('Interrupted. Run the same command again')
    expect(stopped.exit).toBe(1)
  })
})
