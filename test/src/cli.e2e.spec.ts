import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { type Ran, run } from './harness/run.js'

describe('lethe, the command line', () => {
  let chain: Chain
  let environment: Record<string, string>

  beforeAll(async () => {
    chain = await Chain.start()
    const { at, secrets } = chain.context
    environment = {
      LETHE_REQUEST_URL: at.requestUrl,
      LETHE_TOKEN: secrets.token('privacy-officer'),
      LETHE_OWNER_URL: chain.letheUrl,
      LETHE_KAFKA: at.brokers.join(','),
      LETHE_TOPIC_PREFIX: chain.topicPrefix,
    }
  })

  afterAll(async () => {
    await chain?.stop()
  })

  const lethe = (args: string[], env: Record<string, string> = {}, input = ''): Promise<Ran> =>
    run('packages/cli/bin/lethe.mjs', args, { ...environment, ...env }, input)
  const json = ({ out }: Ran) =>
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  it('previews without changing anything, in words and as JSON', async () => {
    const words = await lethe(['preview', '-t', 'acme', '--email', 'customer20@example.com'])
    expect(words).toMatchObject({ code: 0, err: '' })
    expect(words.out).toMatch(/shop-pg +sessions +2/)
    const [answer] = json(await lethe(['preview', '-t', 'acme', '--user-id', 'u20', '--json']))
    expect(answer.systems['shop-pg'].users.found).toBe(1)
    expect((await lethe(['request', '-t', 'acme', '--user-id', 'u20', '--dry-run'])).out).toContain('Dry run')
    expect((await lethe(['list'])).out.trim()).toBe('No requests.')
  })

  it('follows an erasure to its end, the identifier kept out of the command line', async () => {
    const done = await lethe(
      ['request', '-t', 'acme', '--identifiers-from', '-', '--grace-days', '0', '--wait', '--json'],
      {},
      'email=customer21@example.com\n',
    )
    expect(done.code).toBe(0)
    const views = json(done)
    expect(views.at(-1).status).toBe('COMPLETED')
    expect(done.out + done.err).not.toContain('customer21')
    const shown = await lethe(['show', views.at(-1).requestId, '--events'])
    expect(shown.out).toMatch(/shop-pg#1 +COMPLETED · 6 erased, 5 redacted/)
    expect(shown.out).toMatch(/cache probe +clean/)
    expect(shown.out).toContain('RequestCompleted')
  })

  it('holds, releases and cancels', async () => {
    const [asked] = json(await lethe(['request', '-t', 'acme', '--user-id', 'u22', '--json']))
    expect(asked.status).toBe('SCHEDULED')
    const held = await lethe(['hold', asked.requestId, '--reason', 'a court order'])
    expect(held.out).toContain('nothing is erased after')
    expect(held.out).toContain('ON_HOLD')
    expect((await lethe(['release', asked.requestId])).out).toContain('SCHEDULED')
    expect((await lethe(['cancel', asked.requestId])).out).toContain('CANCELLED')
  })

  it('says with its exit code what went wrong', async () => {
    const unknown = await lethe(['show', '01a1fddd-5610-7561-a7e7-2146ddabb07a'])
    expect(unknown).toMatchObject({ code: 3 })
    expect(unknown.err).toContain('docs/problems/not_found.md')
    expect((await lethe(['request', '-t', 'acme'])).code).toBe(2)
    expect((await lethe(['request', '-t', 'acme', '--no-such-option'])).code).toBe(2)
    expect((await lethe(['list'], { LETHE_REQUEST_URL: 'http://127.0.0.1:1' })).code).toBe(4)
    expect((await lethe(['list'], { LETHE_TOKEN: 'not a token' })).err).toContain('unauthenticated')
  })

  it('does nothing with a value that does not belong where it is, and does not repeat it', async () => {
    const value = 'customer23@example.com'
    const wrong: [number, string, string[]][] = [
      [2, '<request>', ['cancel', '..']],
      [2, '--grace-days', ['request', '-t', 'acme', '--email', value, '--grace-days', '']],
      [1, 'name no dead letter', ['dlq', 'redrive', 'erasure.requested/0/9007199254740993']],
      [3, 'invalid_identifier', ['request', '-t', 'acme', '--identifier', 'user_id=u23 ']],
    ]
    const ran = await Promise.all(
      wrong.map(async ([code, said, args]) => ({ code, said, ran: await lethe(args) })),
    )
    for (const { code, said, ran: one } of ran) {
      expect(one).toMatchObject({ code, out: '' })
      expect(one.err).toContain(said)
      expect(one.err).not.toContain('customer23')
    }
    expect((await lethe(['list', '--status', 'SCHEDULED'])).out.trim()).toBe('No requests.')
  })

  it('lists no dead letters and finds the read models equal to the log', async () => {
    expect((await lethe(['dlq', 'list'])).out.trim()).toBe('No dead letters.')
    const rebuilt = await lethe(['rebuild', '--json'])
    expect(rebuilt.code).toBe(0)
    expect(json(rebuilt)[0]).toMatchObject({ equal: true, differing: 0 })
  })
})
