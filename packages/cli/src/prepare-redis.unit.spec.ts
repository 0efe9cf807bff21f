import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProblemError, type RestoreClient, UnreachableError } from '@lethe/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareRedisServer, type RedisGiven } from './prepare-redis.js'

const USERS =
  'user default on >root ~* &* +@all\nuser app on >hunter2 ~* +@all\nuser replay on >r ~* &* +@all\n'
let folder: string
let aclFile: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-prepare-'))
  aclFile = join(folder, 'users.acl')
  writeFileSync(aclFile, USERS, { mode: 0o640 })
})
afterEach(() => rmSync(folder, { recursive: true }))

const prepare = async (given: RedisGiven, failure: Error | null = null): Promise<string> => {
  let printed = ''
  const gate = async () => {
    if (failure) throw failure
  }
  await prepareRedisServer('cache', given, {
    restores: () => ({ gate }) as unknown as RestoreClient,
    print: (text) => {
      printed += `${text}\n`
    },
  })
  return printed
}

describe('lethe restore prepare of a Redis', () => {
  it('switches everybody else off, keeps the original, and says so without a password', async () => {
    const printed = await prepare({ aclFile })
    expect(printed).toContain('app, default')
    expect(printed).not.toContain('hunter2')
    expect(readFileSync(aclFile, 'utf8')).toContain('user app on >hunter2 ~* +@all off\n')
    expect(readFileSync(`${aclFile}.before-restore`, 'utf8')).toBe(USERS)
    expect(statSync(aclFile).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder).sort()).toEqual(['users.acl', 'users.acl.before-restore'])
  })

  it('done twice changes nothing, and the original stays the original', async () => {
    await prepare({ aclFile })
    const once = readFileSync(aclFile, 'utf8')
    expect(JSON.parse(await prepare({ aclFile, json: true }))).toMatchObject({
      systemId: 'cache',
      changed: false,
      original: null,
      shut: ['app', 'default'],
    })
    expect(readFileSync(aclFile, 'utf8')).toBe(once)
    expect(readFileSync(`${aclFile}.before-restore`, 'utf8')).toBe(USERS)
  })

  it('run dry writes nothing', async () => {
    expect(await prepare({ aclFile, dryRun: true })).toBe('Would switch off: app, default.\n')
    expect(readFileSync(aclFile, 'utf8')).toBe(USERS)
    expect(readdirSync(folder)).toEqual(['users.acl'])
  })

  it('refuses a system nobody watches, for nobody would open it again; where nobody answers it shuts it and says so', async () => {
    const unknown = new ProblemError('not_found', 404, 'no such system', null, {})
    await expect(prepare({ aclFile }, unknown)).rejects.toThrow(
      /watches no system cache; nothing was changed/,
    )
    expect(readFileSync(aclFile, 'utf8')).toBe(USERS)
    const printed = await prepare({ aclFile }, new UnreachableError('away'))
    expect(printed).toContain('could not be asked (it does not answer)')
    expect(readFileSync(aclFile, 'utf8')).not.toBe(USERS)
  })

  it('says what is missing or wrong, and touches nothing', async () => {
    await expect(prepare({})).rejects.toThrow(/--acl-file or --config/)
    await expect(prepare({ aclFile, config: aclFile })).rejects.toThrow(/one of them/)
    await expect(prepare({ aclFile: `${aclFile}.away` })).rejects.toThrow(/can not be read/)
    await expect(prepare({ aclFile, replayUser: 'nobody' })).rejects.toThrow(/replay user is missing/)
    expect(readFileSync(aclFile, 'utf8')).toBe(USERS)
  })
})
