import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addSegment, byTarget, missing, readLedger, renderLedger, type Segment } from './ledger.js'
import { options } from './options.js'
import { needsOf } from './plan/schedule.js'
import { countedKills } from './report.js'
import type { EntryOf } from './run/history.js'

const fault = (change: Partial<EntryOf<'fault'>> = {}): EntryOf<'fault'> => ({
  type: 'fault',
  n: 0,
  at: 0,
  fault: { kind: 'kill', target: 'kafka', instance: 0, downMs: 0 },
  target: 'kafka',
  inFlight: 12,
  overAt: 1,
  recoveredMs: 900,
  beside: 0,
  kills: [{ target: 'kafka', recoveredMs: 900 }],
  ...change,
})
const segment = (kills: Segment['kills'], problems: readonly string[] = []): Segment => ({
  seed: 5,
  replay: 'npm run faults -- --seed 5',
  startedAt: '2026-01-01T00:00:00.000Z',
  minutes: 6,
  faults: 3,
  requests: 10,
  completed: 9,
  restedAfterMs: 4_000,
  largestMegabytes: 300,
  held: 14 - problems.length,
  judged: 14,
  problems,
  kills,
})

describe('kills that count', () => {
  it('are those that met a request and after which the service worked again, a pair for both', () => {
    const pair = {
      kind: 'pair',
      kills: [
        { target: 'ops', instance: 0 },
        { target: 'connect', instance: 0 },
      ],
      downMs: 0,
    } as const
    const kills = countedKills([
      fault(),
      fault({ inFlight: 0 }),
      fault({ recoveredMs: null, kills: [] }),
      fault({
        fault: pair,
        inFlight: 3,
        recoveredMs: 70,
        kills: [
          { target: 'ops', recoveredMs: 50 },
          { target: 'connect', recoveredMs: 70 },
        ],
      }),
    ])
    expect(byTarget(kills)).toEqual({ kafka: [[12, 900, 0]], ops: [[3, 50, 1]], connect: [[3, 70, 1]] })
  })
})

describe('the ledger', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ledger-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('adds runs up, broken ones too, and says what it is still short of', () => {
    const file = join(folder, 'ledger.jsonl')
    expect(missing(readLedger(file), { kafka: 2, ops: 1 })).toEqual({ kafka: 2, ops: 1 })
    addSegment(file, segment({ kafka: [[12, 900, 0]], ops: [[3, 50, 1]] }))
    addSegment(file, segment({ kafka: [[20, 1_900, 0]] }, ['invariant 3: a request moved']))
    expect(missing(readLedger(file), { kafka: 3, ops: 1 })).toEqual({ kafka: 1 })
    const shown = renderLedger(readLedger(file))
    expect(shown).toContain('| kafka | 2 | 0 | 12 / 20 | 1.9 / 1.9 |')
    expect(shown).toContain('| ops | 1 | 1 | 3 / 3 | 0.1 / 0.1 |')
    expect(shown).toContain('| registry | 0 |')
    expect(shown).toContain('13 of 14')
    expect(shown).toContain('seed 5: invariant 3: a request moved')
  })

  it('is refused when the file is something else, and left as it is', () => {
    const file = join(folder, 'other.jsonl')
    for (const other of ['[]', 'null', '{"seed": 1}', 'a table']) {
      writeFileSync(file, other)
      expect(() => addSegment(file, segment({}))).toThrow('no ledger')
      expect(readFileSync(file, 'utf8')).toBe(other)
    }
  })

  it('makes a run want only what it is short of, and the run can be repeated without it', () => {
    const file = join(folder, 'ledger.jsonl')
    addSegment(file, segment({ kafka: [[12, 900, 0]] }))
    const { needs } = options(['--kills', '2', '--ledger', file])
    expect(needs).toEqual({ ...needsOf(2), kafka: 1 })
    const list = Object.entries(needs ?? {}).map((need) => need.join('='))
    expect(options(['--kills', list.join(',')]).needs).toEqual(needs)
    expect(() => options(['--kills', 'kafk=2'])).toThrow('can be killed')
    expect(() => options(['--summary'])).toThrow('--ledger')
  })
})
