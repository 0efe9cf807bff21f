import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { CheckedMap } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'

const lethe = fileURLToPath(new URL('../../packages/cli/bin/lethe.mjs', import.meta.url))
const shop = readFileSync(new URL('./shop/data-map.yaml', import.meta.url), 'utf8')

interface Ended {
  readonly code: number
  readonly stdout: string
}

describe('lethe map check against a running shop', () => {
  let chain: Chain

  beforeAll(async () => {
    chain = await Chain.start()
  })
  afterAll(() => chain?.stop())

  /** As a person runs it: its own process, a credential of `request`, and none of any store. */
  async function check(...args: string[]): Promise<Ended> {
    const { at, secrets } = chain.context
    const env = {
      PATH: process.env.PATH ?? '',
      LETHE_REQUEST_URL: at.requestUrl,
      LETHE_TOKEN: secrets.token('operator'),
    }
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [lethe, 'map', 'check', ...args], {
        env,
      })
      return { code: 0, stdout }
    } catch (error) {
      const { code, stdout } = error as { code: number; stdout: string }
      return { code, stdout }
    }
  }

  const written = (text: string): string => {
    const file = join(chain.context.state.path, 'candidate.yaml')
    writeFileSync(file, text)
    return file
  }
  const next = shop.replace('version: 1', 'version: 2')

  it('finds that the map in force fits, and says what each role needs', async () => {
    const { code, stdout } = await check()
    expect(stdout).toContain('data map version 1 (in force)')
    expect(stdout).toMatch(/^shop-pg {2}postgres \d+/m)
    expect(stdout).toMatch(/^cache {2}redis \d+/m)
    expect(stdout).toContain(
      'GRANT SELECT, UPDATE ("customer_email", "shipping_address", "user_id") ON "public"."orders" TO eraser;',
    )
    expect(stdout).not.toContain('error  ')
    expect(code).toBe(0)
  })

  it('names the constraint of a table that a new map forgets, and what the live columns refuse', async () => {
    const file = written(
      next
        .split('\n')
        .filter((line) => !line.includes('table: sessions'))
        .join('\n')
        .replace('author_name: Deleted User', 'author_name: null'),
    )
    const { code, stdout } = await check(file, '--json')
    const checked = JSON.parse(stdout) as CheckedMap
    const errors = checked.systems['shop-pg']?.findings.filter(({ level }) => level === 'error')
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'referencing_unmapped',
        where: 'public.sessions',
        message: expect.stringContaining('sessions_user_id_fkey'),
      }),
      expect.objectContaining({
        code: 'replacement_null',
        where: 'comments.author_name',
        path: 'systems.shop-pg.elements[4].set.author_name',
        line: 17,
      }),
    ])
    expect([checked.ok, code]).toEqual([false, 1])
  })

  it('names an id that another system of the map takes for impossible, without showing it', async () => {
    await withClient(chain.pgUrl, (client) =>
      client.query(
        `INSERT INTO users SELECT 'u9:canary', tenant_id, 'u9x@example.com', 'x', 'cus_u9x', now() FROM users LIMIT 1`,
      ),
    )
    const { code, stdout } = await check('--json')
    const found = (JSON.parse(stdout) as CheckedMap).systems['shop-pg']?.findings
    expect(found).toContainEqual(
      expect.objectContaining({
        level: 'error',
        code: 'delimiter_in_ids',
        where: 'public.users.id',
        path: 'systems.shop-pg.resolves.user_id',
      }),
    )
    expect(stdout).not.toContain('canary')
    expect(code).toBe(1)
  })

  it('is not fine where a store is away', async () => {
    await chain.stopOne('probe-cache')
    const { code, stdout } = await check()
    expect(stdout).toContain('probe_unreachable')
    expect(code).toBe(1)
  })
})
