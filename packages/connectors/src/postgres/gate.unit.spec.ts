import type { TerminalError } from '@lethe/eraser-kit'
import type pg from 'pg'
import type { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { gateOf } from './gate.js'
import { gateRules } from './hook/hba.js'
import { type Preparation, readSwitch, switchLines } from './hook/switch.js'
import { PreparedSwitch } from './prepared-gate.js'

type State = 'shut' | 'open'
const made = (systemId: string): Preparation => ({
  systemId,
  restoreId: 'restore-1',
  way: 'first_start',
  restoring: [],
  admitted: [],
  settings: { hba_file: null },
  hbaFile: null,
})
const text = (systemId: string, state: State) => switchLines(made(systemId), state).join('\n')

/** A server whose rules hold gates: what its files say, and what it has read of them. */
class FakeServer {
  readonly files = new Map<string, string>()
  loaded: State
  readonly settings: string[] = []
  /** After so many queries whoever asks is gone. */
  lives = Number.POSITIVE_INFINITY

  constructor(systems: readonly string[], state: State) {
    this.files.set('/gate/pg_hba.conf', systems.map((id) => gateRules(id, [], null)).join(''))
    for (const id of systems) this.files.set(`/gate/lethe-${id}.gate`, text(id, state))
    this.loaded = state
  }

  get file(): State {
    return readSwitch(this.files.get('/gate/lethe-shop-pg.gate') ?? '').state
  }

  query = async (sql: string, values: readonly string[] = []): Promise<unknown> => {
    if (this.lives-- <= 0) throw new Error('whoever asked is gone')
    const results = sql.split('; ').map((statement) => ({ rows: this.one(statement, values) }))
    return results.length === 1 ? results[0] : results
  }

  private one(sql: string, [path = '']: readonly string[]): object[] {
    if (sql.includes('pg_conf_load_time')) return [{ loaded: true }]
    if (sql.includes('AS reads')) return [{ hba: '/gate/pg_hba.conf', hint: null, reads: true, writes: true }]
    if (sql.includes('pg_read_file')) return [{ text: this.files.get(path) ?? null }]
    if (sql.startsWith('COPY'))
      this.files.set('/gate/lethe-shop-pg.gate', text('shop-pg', sql.includes("'all'") ? 'shut' : 'open'))
    if (sql.includes('pg_reload_conf()')) this.loaded = this.file
    if (sql.includes('AS fine')) return [{ fine: true, grained: true }]
    if (sql.startsWith('ALTER SYSTEM')) this.settings.push(sql)
    if (sql.includes('AS at')) return [{ at: 'now' }]
    if (sql.includes('aclexplode')) return [{ admitted: [], database: 'shop', me: 'replay' }]
    return []
  }

  gate() {
    const pool = { query: this.query } as unknown as Pool
    const fresh = async () => ({ query: this.query, end: async () => undefined }) as unknown as pg.Client
    return gateOf(pool, new PreparedSwitch('shop-pg', pool, pool, fresh))
  }
}

describe('a gate in the rules of a server', () => {
  it('that says shut has been read by the server, wherever whoever shut it died', async () => {
    for (let lives = 0; lives < 12; lives++) {
      const server = new FakeServer(['shop-pg'], 'open')
      server.lives = lives
      const done = await server
        .gate()
        .shut()
        .then(
          () => true,
          () => false,
        )
      // What a gate is taken for by the next process that looks.
      expect({ lives, says: server.file, is: server.loaded }).toEqual({
        lives,
        says: server.file,
        is: server.file,
      })
      server.lives = Number.POSITIVE_INFINITY
      if (!done) await server.gate().shut()
      expect(server.loaded).toBe('shut')
    }
  })

  it('is read once more where it stood shut already: nobody knows who wrote it', async () => {
    const server = new FakeServer(['shop-pg'], 'shut')
    server.loaded = 'open'
    await server.gate().shut()
    expect(server.loaded).toBe('shut')
  })

  it('outlives a restart of the server until the last system of that server is open', async () => {
    const server = new FakeServer(['shop-pg', 'crm-pg'], 'shut')
    await server.gate().open([])
    expect(server).toMatchObject({ loaded: 'open', settings: [] })
    server.files.set('/gate/lethe-crm-pg.gate', text('crm-pg', 'open'))
    await server.gate().open([])
    expect(server.settings).toEqual(['ALTER SYSTEM RESET "hba_file"'])
  })

  it('that can not be written is not called open', async () => {
    const server = new FakeServer(['shop-pg'], 'shut')
    const { query } = server
    server.query = async (sql, values) => {
      if (sql.startsWith('COPY')) throw new Error('no space left')
      return query(sql, values)
    }
    await expect(server.gate().open([])).rejects.toThrow(/no space/)
  })
})

describe('a gate of rights', () => {
  const over = (revokes: boolean) => {
    let admitted = ['PUBLIC']
    const query = async (sql: string) => {
      if (sql.includes('aclexplode')) return { rows: [{ admitted, database: 'shop', me: 'replay' }] }
      // Whoever does not own the database is warned, and nothing is taken.
      if (sql.startsWith('REVOKE') && revokes) admitted = []
      return { rows: [] }
    }
    const pool = { query } as unknown as Pool
    const unprepared = { look: async () => null } as unknown as PreparedSwitch
    return gateOf(pool, unprepared)
  }

  it('is never called shut where the role may take CONNECT from nobody; it says what to grant', async () => {
    expect(await over(true).shut()).toEqual({ strength: 'enforced', sessionsEnded: 0 })
    const refused = await over(false)
      .shut()
      .catch((error: TerminalError) => error)
    expect(refused).toMatchObject({ code: 'gate_not_operable', message: expect.stringContaining('GRANT') })
  })
})
