import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckedMap, LetheClient } from '@lethe/client'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exitCodes, UsageError } from './exit.js'
import { addMapCommands } from './map-commands.js'

const good = `version: 2
tenant: { none: true }
identifiers: { canonical: user_id }
systems:
  shop-pg:
    kind: postgres
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: users, by: id, method: delete }
  cache:
    kind: redis
    derivedFrom: [shop-pg]
    keys: ['user:{user_id}:*']
    idsHoldDelimiters: false
`

const checked: CheckedMap = {
  version: 2,
  digest: 'sha256:abc',
  inForce: false,
  ok: false,
  findings: [
    {
      level: 'error',
      code: 'map_mismatch',
      where: 'version',
      message: 'Raise it.',
      path: 'version',
      line: 1,
    },
  ],
  systems: {
    'shop-pg': {
      kind: 'postgres',
      status: 'checked',
      storeVersion: '15.4',
      findings: [
        {
          level: 'warning',
          code: 'missing_index',
          where: 'orders.user_id',
          message: 'Create one.',
          path: 'a',
          line: 3,
        },
        {
          level: 'error',
          code: 'replacement_null',
          where: 'orders.user_id',
          message: 'It is NOT NULL.',
          path: 'b',
          line: 9,
        },
      ],
      grants: { erase: ['GRANT DELETE ON users TO eraser;'], probe: ['GRANT SELECT ON users TO probe;'] },
    },
    cache: { kind: 'redis', status: 'unreachable', storeVersion: null, findings: [], grants: null },
    ledger: { kind: 'postgres', status: 'not_applicable', storeVersion: null, findings: [], grants: null },
  },
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-map-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (text: string): string => {
  const path = join(folder, 'map.yaml')
  writeFileSync(path, text)
  return path
}

async function run(args: readonly string[], answer: CheckedMap = checked) {
  const asked: (string | undefined)[] = []
  let printed = ''
  let exit: number = exitCodes.ok
  const client = {
    checkMap: async (map?: string) => {
      asked.push(map)
      return answer
    },
  } as LetheClient
  const program = new Command('lethe').exitOverride()
  addMapCommands(program, {
    client: () => client,
    print: (text) => {
      printed += `${text}\n`
    },
    setExit: (code) => {
      exit = code
    },
    signal: new AbortController().signal,
  })
  await program.parseAsync(['map', 'check', ...args], { from: 'user' })
  return { printed, exit, asked }
}

describe('lethe map check', () => {
  it('asks for the map in force, or for the one in the file', async () => {
    expect((await run([])).asked).toEqual([undefined])
    expect((await run([file(good)])).asked).toEqual([good])
  })

  it('prints one block per system, errors first, with place, reason and the least rights', async () => {
    const { printed, exit } = await run([])
    expect(printed).toBe(`data map version 2  sha256:abc
  error   map_mismatch  version
          line 1, version
          Raise it.

shop-pg  postgres 15.4
  error   replacement_null  orders.user_id
          line 9, b
          It is NOT NULL.
  warning missing_index  orders.user_id
          line 3, a
          Create one.
  least rights of the erase role:
    GRANT DELETE ON users TO eraser;
  least rights of the probe role:
    GRANT SELECT ON users TO probe;

cache  redis, not checked

ledger  postgres, holds nothing of a person

2 errors, 1 warning.
`)
    expect(exit).toBe(exitCodes.failed)
    expect((await run(['--no-grants'])).printed).not.toContain('GRANT')
  })

  it('ends with 0 when there are warnings only', async () => {
    const { printed, exit } = await run([], { ...checked, ok: true, findings: [], systems: {} })
    expect([printed.trim().split('\n').at(-1), exit]).toEqual(['The map fits, 0 warnings.', exitCodes.ok])
  })

  it('prints what the service answered as one JSON value', async () => {
    const { printed, exit } = await run(['--json'])
    expect([JSON.parse(printed), exit]).toEqual([checked, exitCodes.failed])
  })

  it('says every problem of a file that does not parse by path and line, and asks nobody', async () => {
    const path = file(
      good.replace(', keep: P30D', '').replace('derivedFrom: [shop-pg]', 'derivedFrom: [shop-pq]'),
    )
    const { printed, exit, asked } = await run([path])
    expect(printed.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(/map\.yaml:7: systems\.shop-pg\.backups\[0\]\.keep: this backup has no end date/),
      expect.stringContaining('1 problem'),
      '',
    ])
    expect([exit, asked]).toEqual([exitCodes.failed, []])
    const json = await run([path, '--json'])
    expect(JSON.parse(json.printed)).toMatchObject({ ok: false, problems: [{ line: 7 }] })
  })

  it('names a cycle', async () => {
    const cyclic = good
      .replace('kind: postgres\n', 'kind: postgres\n    after: [cache]\n')
      .replace('derivedFrom', 'after')
    const { printed, exit } = await run([file(cyclic)])
    expect(printed).toContain('cache → shop-pg → cache')
    expect(exit).toBe(exitCodes.failed)
  })

  it('only reads the file when offline, and prints the order of its steps', async () => {
    const { printed, exit, asked } = await run([file(good), '--offline'])
    expect(asked).toEqual([])
    expect(printed).toContain('cache#2    stage 7  after cache#1, shop-pg#1')
    expect(exit).toBe(exitCodes.ok)
    await expect(run(['--offline'])).rejects.toBeInstanceOf(UsageError)
    await expect(run([join(folder, 'nothing.yaml')])).rejects.toBeInstanceOf(UsageError)
  })
})
