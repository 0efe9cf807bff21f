import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@lethe/service-host'
import { afterAll, describe, expect, it } from 'vitest'
import { oneProcessConfig } from './config.js'
import { servicesOf } from './programs.js'

const folder = mkdtempSync(join(tmpdir(), 'lethe-one-process-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (content: unknown, env: Record<string, string> = {}) => {
  const file = join(folder, 'services.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return oneProcessConfig({ LETHE_SERVICES_FILE: file, ...env })
}

const shared = { LETHE_KAFKA: '127.0.0.1:9092', LETHE_REGISTRY_URL: 'http://127.0.0.1:8081' }
const aggregator = {
  program: 'aggregator',
  settings: { LETHE_PG_URL: 'postgres://aggregator:s3cret@db/lethe', LETHE_GRANT_SECRET: 'g'.repeat(32) },
}
const eraser = (role: 'erase' | 'probe') => ({
  program: 'erasers/redis',
  settings: {
    LETHE_SYSTEM: 'cache',
    LETHE_ROLE: role,
    LETHE_PORT: '0',
    LETHE_REQUEST_URL: 'http://127.0.0.1:29001',
    LETHE_TOKEN: `${role}-${'t'.repeat(16)}`,
    LETHE_PROBE_TOKEN: 'p'.repeat(16),
    SHOP_REDIS: `redis://${role}:s3cret@cache/0`,
  },
})

describe('the sections of one process', () => {
  it('give each service its own settings and what is shared, and nothing else', () => {
    const { sections } = read(
      { shared, services: { aggregator, 'eraser-cache': eraser('erase'), 'probe-cache': eraser('probe') } },
      { SHOP_REDIS: 'of the process', LETHE_PG_URL: 'of the process', LETHE_TOPIC_PREFIX: 'of.the.process.' },
    )
    expect(sections.map(({ settings }) => settings)).toEqual([
      { ...shared, ...aggregator.settings },
      { ...shared, ...eraser('erase').settings },
      { ...shared, ...eraser('probe').settings },
    ])
  })

  it('become services under the names their own processes have, the asked ones in lower tiers', () => {
    const { sections } = read({ shared, services: { aggregator, e: eraser('erase'), p: eraser('probe') } })
    const services = servicesOf(sections)
    expect(services.map(({ name }) => name)).toEqual(['aggregator', 'erase.cache', 'probe.cache'])
    const [folding, ...erasing] = services.map(({ tier }) => tier)
    expect(erasing.every((tier) => tier > (folding as number))).toBe(true)
  })

  it('share no credential: what stands there is for every service', () => {
    expect(() =>
      read({ shared: { ...shared, LETHE_PG_URL: 'postgres://s3cret' }, services: { aggregator } }),
    ).toThrow(/shared\.LETHE_PG_URL is not for every service/)
  })

  it('are corrected in one go: every section is read before any service is opened', () => {
    const { LETHE_GRANT_SECRET: _, ...lacking } = aggregator.settings
    const { sections } = read({
      shared,
      services: {
        aggregator: { ...aggregator, settings: lacking },
        mail: { program: 'erasers/mail', settings: {} },
        first: eraser('probe'),
        again: eraser('probe'),
      },
    })
    const problems = problemsOf(() => servicesOf(sections))
    expect(problems).toMatch(/aggregator\.LETHE_GRANT_SECRET: is missing/)
    expect(problems).toMatch(/mail\.program: is none; there are request, aggregator/)
    expect(problems).toMatch(/again\.program: is probe\.cache, which is there already/)
  })

  it.each([
    ['no JSON', '{"services": {"aggregator": {"settings": {"LETHE_PG_URL": "s3cret"', /is not JSON/],
    ['no services', { services: {} }, /services: it names none/],
    [
      'a program that is missing',
      { services: { aggregator: { settings: {} } } },
      /services\.aggregator\.program/,
    ],
    ['an unknown word', { sections: {} }, /LETHE_SERVICES_FILE/],
  ])('that can not be read (%s) are told without a value', (_, content, message) => {
    const problems = problemsOf(() => read(content))
    expect(problems).toMatch(message)
    expect(problems).not.toContain('s3cret')
  })
})

function problemsOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}
