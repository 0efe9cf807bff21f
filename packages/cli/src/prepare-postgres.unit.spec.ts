import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProblemError, type RestoreClient, UnreachableError } from '@lethe/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UsageError } from './exit.js'
import { type PostgresGiven, preparePostgres } from './prepare-postgres.js'

let root: string
let dataDirectory: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lethe-prepare-'))
  dataDirectory = join(root, 'main')
  mkdirSync(join(dataDirectory, 'global'), { recursive: true })
  for (const [name, text] of Object.entries({
    PG_VERSION: '15',
    'global/pg_control': '',
    'postgresql.conf': '',
    'pg_hba.conf': 'host all all 127.0.0.1/32 scram-sha-256\n',
  }))
    writeFileSync(join(dataDirectory, name), text)
})
afterEach(() => rmSync(root, { recursive: true }))

async function run(given: PostgresGiven, failure: Error | null = null) {
  const told: unknown[] = []
  let printed = ''
  const client = {
    gate: async () => {
      if (failure) throw failure
    },
    announce: async (what: unknown) => told.push(what),
  } as unknown as RestoreClient
  const print = (text: string) => {
    printed += `${text}\n`
  }
  await preparePostgres('shop-pg', { replayRole: 'replay', ...given }, { restores: () => client, print })
  return { told, printed }
}
const auto = () => {
  try {
    return readFileSync(join(dataDirectory, 'postgresql.auto.conf'), 'utf8')
  } catch {
    return null
  }
}

describe('lethe restore prepare of a PostgreSQL', () => {
  it('shuts the gate, tells the service which restore it is for, and says who gets in', async () => {
    const { told, printed } = await run({ dataDirectory, backup: 'nightly-1' })
    const [{ restoreId }] = told as [{ restoreId: string }]
    expect(told).toEqual([{ systemId: 'shop-pg', restoreId, backupId: 'nightly-1', gateMode: 'hooked' }])
    expect(printed).toContain(`shut for restore ${restoreId}. Only replay get in.`)
    const again = await run({ dataDirectory, json: true })
    expect(JSON.parse(again.printed)).toMatchObject({ restoreId, already: true, told: true, steps: [] })
  })

  it('shuts it as well where the service does not answer, and says that it was not told', async () => {
    const { told, printed } = await run({ dataDirectory }, new UnreachableError('away'))
    expect(told).toEqual([])
    expect(printed).toContain('was not told (it does not answer)')
    expect(auto()).toContain('hba_file')
    const noToken = await run({ dataDirectory, json: true }, new UsageError('no credential'))
    expect(JSON.parse(noToken.printed)).toMatchObject({ told: false, notTold: 'no credential for it here' })
  })

  it('changes nothing for a system nobody watches, run dry, or without --yes where sessions would end', async () => {
    const unknown = new ProblemError('not_found', 404, 'no such system', null, {})
    await expect(run({ dataDirectory }, unknown)).rejects.toThrow(/watches no system shop-pg/)
    const { told, printed } = await run({ dataDirectory, dryRun: true })
    expect(told).toEqual([])
    expect(printed).toContain('would write a pg_hba file')
    expect(auto()).toBeNull()
    await expect(run({ url: 'postgres://a@b/c' })).rejects.toThrow(/--yes/)
    await expect(run({ url: 'a@b', yes: true })).rejects.toThrow(/postgres:\/\//)
    await expect(run({ url: 'postgres://a@b/c', dataDirectory })).rejects.toThrow(/not both/)
  })

  it('is undone only with --yes while it is shut', async () => {
    await run({ dataDirectory })
    await expect(run({ dataDirectory, undo: true })).rejects.toThrow(/--yes/)
    expect(auto()).toContain('hba_file')
    const { printed } = await run({ dataDirectory, undo: true, yes: true })
    expect(printed).toContain('pg_ctl reload')
    expect(auto()).not.toContain('hba_file')
    expect((await run({ dataDirectory, undo: true })).printed).toContain('no gate here')
  })
})
