import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isShut, prepareDataDirectory, undoDataDirectory } from './data-directory.js'
import { settingFrom, settingIn, withSettings } from './settings.js'
import { readSwitch, switchLines } from './switch.js'

// A disk that is nearly full takes a part of what it is given, and says how much: no error.
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const writeSync = (file: number, bytes: Buffer) => fs.writeSync(file, bytes, 0, bytes.length >> 1)
  return { ...fs, writeSync }
})

const HBA = 'local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n'
let root: string
let dataDirectory: string
const at = (...path: string[]) => join(dataDirectory, ...path)
const gate = (...path: string[]) => join(`${dataDirectory}.lethe-gate`, ...path)
const text = (path: string) => readFileSync(path, 'utf8')

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lethe-data-'))
  dataDirectory = join(root, 'main')
  mkdirSync(at('global'), { recursive: true })
  writeFileSync(at('PG_VERSION'), '15\n')
  writeFileSync(at('global', 'pg_control'), '')
  writeFileSync(at('postgresql.conf'), `#hba_file = 'no'\nhot_standby = on\n`)
  writeFileSync(at('postgresql.auto.conf'), `work_mem = '8MB'\n`)
  writeFileSync(at('pg_hba.conf'), HBA)
})
afterEach(() => rmSync(root, { recursive: true }))

const given = (extra: object = {}) => ({ systemId: 'shop-pg', dataDirectory, replayRole: 'replay', ...extra })
const prepare = (extra: object = {}) => prepareDataDirectory(given(extra))

describe('a restored data directory', () => {
  it('gets a gate outside of itself that admits the replay role only, and serves nobody while it recovers', () => {
    const prepared = prepare({ admit: ['probe'] })
    expect(prepared).toMatchObject({ way: 'first_start', already: false, hbaFile: gate('pg_hba.conf') })
    const rules = text(gate('pg_hba.conf'))
    expect(rules.endsWith(HBA)).toBe(true)
    expect(rules.indexOf('"replay"')).toBeGreaterThan(0)
    expect(rules.indexOf('"probe"')).toBeLessThan(rules.indexOf('reject'))
    const auto = text(at('postgresql.auto.conf'))
    expect(settingIn(auto, 'hba_file')).toBe(gate('pg_hba.conf'))
    expect(settingIn(auto, 'hot_standby')).toBe('off')
    expect(settingIn(auto, 'work_mem')).toBe('8MB')
    expect(text(at('pg_hba.conf'))).toBe(HBA)
    expect(readSwitch(text(gate('lethe-shop-pg.gate')))).toMatchObject({
      state: 'shut',
      made: { restoreId: prepared.restoreId },
    })
  })

  it('prepared twice stays as it is, under the same restore; prepared dry it is not touched', () => {
    expect(prepare({ dryRun: true }).steps).toHaveLength(3)
    expect(existsSync(gate())).toBe(false)
    const once = prepare()
    const files = readdirSync(gate()).map((name) => text(gate(name)))
    expect(prepare()).toMatchObject({ already: true, restoreId: once.restoreId, steps: [] })
    expect(readdirSync(gate()).map((name) => text(gate(name)))).toEqual(files)
  })

  it('restored anew is another restore; one that was opened is shut again', () => {
    const once = prepare()
    writeFileSync(at('postgresql.auto.conf'), '')
    const second = prepare()
    expect(second.restoreId).not.toBe(once.restoreId)
    const { made } = readSwitch(text(gate('lethe-shop-pg.gate')))
    if (made === null) throw new Error('the switch says what it is for')
    writeFileSync(gate('lethe-shop-pg.gate'), switchLines(made, 'open').join('\n'))
    expect(isShut(given())).toBe(false)
    const third = prepare()
    expect(third.restoreId).not.toBe(second.restoreId)
    expect(isShut(given())).toBe(true)
    // What the gate set is no setting of theirs, however often it is prepared.
    undoDataDirectory(given())
    expect(settingIn(text(at('postgresql.auto.conf')), 'hba_file')).toBeNull()
  })

  it('gets back what it had when it is undone, settings of its own included', () => {
    mkdirSync(join(root, 'etc', 'conf.d'), { recursive: true })
    writeFileSync(join(root, 'etc', 'hba'), HBA)
    writeFileSync(join(root, 'etc', 'postgresql.conf'), `include_dir 'conf.d'\n`)
    writeFileSync(
      join(root, 'etc', 'conf.d', 'a.conf'),
      `hba_file = '${join(root, 'etc', 'hba')}' # theirs\n`,
    )
    rmSync(at('postgresql.conf'))
    rmSync(at('pg_hba.conf'))
    expect(() => prepare()).toThrow(/--config-file/)
    writeFileSync(at('postgresql.auto.conf'), `hot_standby = 'on'\n`)
    const configFile = join(root, 'etc', 'postgresql.conf')
    prepare({ configFile })
    expect(text(gate('pg_hba.conf')).endsWith(HBA)).toBe(true)
    expect(undoDataDirectory(given({ configFile, dryRun: true })).steps).toHaveLength(3)
    expect(isShut(given())).toBe(true)
    expect(undoDataDirectory(given({ configFile }))).toMatchObject({ wasShut: true })
    expect(text(at('postgresql.auto.conf'))).toBe(`hot_standby = 'on'\n`)
    expect(text(gate('pg_hba.conf'))).toBe(HBA)
    expect(undoDataDirectory(given({ configFile })).steps).toEqual([])
  })

  it('of two systems keeps both gates, and undoing one leaves the other shut', () => {
    prepare()
    prepare({ systemId: 'crm-pg' })
    const rules = text(gate('pg_hba.conf'))
    expect(rules).toContain('@lethe-shop-pg.gate')
    expect(rules).toContain('@lethe-crm-pg.gate')
    undoDataDirectory(given())
    expect(text(gate('pg_hba.conf'))).toContain('@lethe-crm-pg.gate')
    expect(settingIn(text(at('postgresql.auto.conf')), 'hba_file')).toBe(gate('pg_hba.conf'))
    undoDataDirectory(given({ systemId: 'crm-pg' }))
    expect(settingIn(text(at('postgresql.auto.conf')), 'hba_file')).toBeNull()
  })

  it('of two systems gives back what was there before either, whichever goes last', () => {
    writeFileSync(join(root, 'hba'), `# theirs\n${HBA}`)
    const theirs = `hot_standby = 'on'\nhba_file = '${join(root, 'hba')}'\n`
    writeFileSync(at('postgresql.auto.conf'), theirs)
    prepare()
    prepare({ systemId: 'crm-pg' })
    expect(text(gate('pg_hba.conf')).endsWith(`# theirs\n${HBA}`)).toBe(true)
    undoDataDirectory(given())
    undoDataDirectory(given({ systemId: 'crm-pg' }))
    const auto = text(at('postgresql.auto.conf'))
    expect([settingIn(auto, 'hba_file'), settingIn(auto, 'hot_standby')]).toEqual([join(root, 'hba'), 'on'])
  })

  it('that is none, in use, or lets the replay role in nowhere is refused before anything is touched', () => {
    expect(() => prepare({ dataDirectory: join(root, 'nowhere') })).toThrow(/restore the backup into it/)
    expect(() => prepare({ dataDirectory: root })).toThrow(/no data directory/)
    expect(() => prepare({ gateDirectory: at('gate') })).toThrow(/outside the data directory/)
    expect(() => prepare({ replayRole: 'a"b' })).toThrow(/name with spaces, quotes/)
    for (const systemId of ['shop,pg', 'shop pg', '../shop', 'Shop', ''])
      expect(() => prepare({ systemId })).toThrow(/take it from the data map/)
    writeFileSync(at('postmaster.pid'), `${process.pid}\n`)
    expect(() => prepare()).toThrow(/A server runs/)
    // As a copy of the files of a running server leaves it.
    writeFileSync(at('postmaster.pid'), '2147483646\n')
    writeFileSync(at('pg_hba.conf'), 'host all +lethe 10.0.0.0/8 trust\n')
    expect(() => prepare()).toThrow(/lets replay in/)
    writeFileSync(at('pg_hba.conf'), Buffer.from('# caf\xe9\nhost all all all md5\n', 'latin1'))
    expect(() => prepare()).toThrow(/no UTF-8/)
    rmSync(at('pg_hba.conf'))
    expect(() => prepare()).toThrow(/which the server would read/)
    writeFileSync(at('PG_VERSION'), '12\n')
    expect(() => prepare()).toThrow(/too old/)
    expect(existsSync(gate())).toBe(false)
    expect(text(at('postgresql.auto.conf'))).toBe(`work_mem = '8MB'\n`)
  })

  it('that would pause at a target, or follows another server, is warned of', () => {
    writeFileSync(at('recovery.signal'), '')
    writeFileSync(at('standby.signal'), '')
    writeFileSync(at('postgresql.conf'), `recovery_target_time = '2026-01-01'\n`)
    const said = prepare().warnings.join('\n')
    expect(said).toContain('recovery_target_action is pause')
    expect(said).toContain('standby.signal')
  })
})

describe('a switch', () => {
  it('that somebody wrote anything else into counts as open, and says no more what it was for', () => {
    expect(readSwitch('')).toEqual({ made: null, state: 'open' })
    expect(readSwitch('# {"systemId":1}\nnobody\n')).toEqual({ made: null, state: 'open' })
    expect(readSwitch('# {broken\nall\n')).toEqual({ made: null, state: 'shut' })
  })
})

describe('settings', () => {
  it('are read as the server reads them, and written so that it reads them again', () => {
    expect(settingIn(`A.b 'x''y'\n# a.b = 'no'\n`, 'a.b')).toBe(`x'y`)
    expect(settingIn(withSettings('', { hba_file: `/a'b` }), 'hba_file')).toBe(`/a'b`)
    expect(withSettings(`HBA_FILE = 'x'\nother = 1`, { hba_file: null })).toBe('other = 1\n')
    const files: Record<string, string> = { '/a/main': `include 'main'\nx = 1\ninclude_if_exists 'no'\n` }
    expect(
      settingFrom(
        '/a/main',
        'x',
        (path) => files[path] ?? null,
        () => [],
      ),
    ).toBe('1')
  })
})
