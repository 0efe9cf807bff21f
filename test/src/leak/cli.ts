import { run } from '../harness/run.js'
import { askFor, personOf } from './canary.js'
import type { Walk } from './paths.js'
import type { Piece } from './places.js'

/**
 * What `lethe` prints, done and refused, the person named wherever a command takes text. PostgreSQL, asked by
 * `rebuild` as `lockedOut`, quotes the name of that role.
 */
export async function askByCommand(walk: Walk, requestId: string, lockedOut: string): Promise<Piece[]> {
  const { chain, canary } = walk
  const one = personOf(canary, 'cli')
  const { email, userId, phone, stripe } = one
  const env = environmentOf(walk)
  const tenant = ['--tenant', one.tenantId]
  const named = [...tenant, '--email', email, '--user-id', userId, '--phone', phone]
  const nobody = '00000000-0000-4000-8000-000000000000'
  const { requestId: held } = await chain.client().request(askFor(one, ['email'], { graceDays: 7 }))
  const [twin, other] = [personOf(canary, 'twin'), personOf(canary, 'double')]
  const { requestId: ambiguous } = await chain.client().request({
    ...askFor(twin, ['email'], { graceDays: 7 }),
    identifiers: [...askFor(twin, ['email']).identifiers, ...askFor(other, ['user_id']).identifiers],
  })
  // Each is a process: a few side by side, those of one request one after the other.
  const lanes: string[][][] = [
    [
      ['hold', held, '--reason', `a court asks for ${email}`],
      ['release', held],
      ['extend', held, '--reason', `${email} was ill`],
      ['refuse', held, '--ground', email, '--citation', email],
      ['cancel', held],
      ['show', held, '--json', '--events'],
    ],
    [
      ['preview', ...named],
      ['request', ...named, '--dry-run', '--json'],
      ['request', ...named, '--identifier', `vendor:stripe=${stripe}`, '--regime', email],
      ['request', ...tenant, '--identifiers-from', '-', '--idempotency-key', email],
      ['show', requestId, '--events'],
    ],
    [
      ['request', ...tenant, `--emial=${email}`],
      ['request', ...tenant, '--identifier', email],
      ['show', requestId, email],
      ['list', '--status', email],
      ['list', '--limit', '50', '--json'],
    ],
    [
      ['approve', ambiguous, '--email', `${twin.email}*`],
      ['approve', ambiguous, '--email', twin.email, '--user-id', other.userId],
      ['approve', ambiguous, '--email', twin.email],
      ['approve', held, '--user-id', userId],
      ['watch', requestId],
      ['watch', email],
    ],
    [
      ['vault', 'status'],
      ['vault', 'reseal', email, '--dry-run'],
      ['vault', 'pepper', 'status', '--json'],
    ],
    [
      ['retry', nobody, '--system', email],
      ['dlq', 'list', '--json'],
      ['dlq', 'redrive', email, '--dry-run'],
      ['map', 'check'],
      ['rebuild', '--json'],
      ['rebuild', '--database', lockedOut],
    ],
  ]
  const admin = { ...env, LETHE_TOKEN: chain.context.secrets.token('admin') }
  /** Who asked may not approve, and only an administrator sees the keys. */
  const others = new Set(['approve', 'vault'])
  const typed = `email=${email}\nphone=${phone}\n`
  const pieces = await Promise.all(
    lanes.map(async (lane) => {
      const done: Piece[] = []
      for (const args of lane) done.push(await printed(args, others.has(args[0] ?? '') ? admin : env, typed))
      return done
    }),
  )
  return pieces.flat()
}

/** A command line that is quoted back to whoever typed it. */
export function commandThatPrints(walk: Walk, text: string): Promise<Piece> {
  return printed([`print-${text}`], environmentOf(walk))
}

async function printed(args: readonly string[], env: Record<string, string>, input = ''): Promise<Piece> {
  const { code, out, err } = await run('packages/cli/bin/lethe.mjs', args, env, input)
  const bytes = Buffer.from(`${out}\n${err}`)
  return { place: 'cli', name: `${args.slice(0, 2).join(' ')} ended with ${code}`, bytes }
}

function environmentOf({ chain }: Walk): Record<string, string> {
  const { at, secrets } = chain.context
  return {
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_TOKEN: secrets.token('privacy-officer'),
    LETHE_KAFKA: at.brokers.join(','),
    LETHE_TOPIC_PREFIX: chain.topicPrefix,
    LETHE_OWNER_URL: chain.letheUrl,
  }
}
