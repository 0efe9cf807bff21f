import type { Preparing } from '@lethe/connectors/redis'
import type { Command } from 'commander'
import { UsageError } from './exit.js'
import { refuseUnwatched } from './prepare-announce.js'
import type { RestorePorts } from './restore-commands.js'

/** What `lethe restore prepare` is told of a Redis. */
export interface RedisGiven {
  aclFile?: string
  config?: string
  replayUser?: string
  dryRun?: boolean
  json?: boolean
}

export const redisOptions = (command: Command): Command =>
  command
    .option('--acl-file <file>', 'Redis: its ACL file')
    .option('--config <file>', 'Redis: its configuration, where the users stand in that')
    .option('--replay-user <name>', 'Redis: the restore service’s user, the only one that stays on', 'replay')

/** Whether the options are about a Redis. */
export const isRedis = ({ aclFile, config }: RedisGiven): boolean =>
  aclFile !== undefined || config !== undefined

/**
 * Shuts a Redis before its first start. Idempotent; prints what is off now, never a rule or a password. The restore
 * service need not be told: it finds such a server by its users.
 *
 * @throws UsageError when the service answers and does not watch this system: nobody would open it again
 */
export async function prepareRedisServer(
  system: string,
  given: RedisGiven,
  { restores, print }: Pick<RestorePorts, 'restores' | 'print'>,
): Promise<void> {
  const { replayUser = 'replay', dryRun = false, json } = given
  const file = fileOf(given)
  const notAsked = await refuseUnwatched(system, { restores })
  const { prepareRedis } = await import('@lethe/connectors/redis')
  const done = await prepareRedis({ ...file, replayUser, dryRun })
  if (json) return print(JSON.stringify({ systemId: system, ...done, dryRun, notAsked }))
  const users = done.shut.join(', ') || 'nobody'
  if (dryRun) return print(`${done.changed ? 'Would switch off' : 'Off already'}: ${users}.`)
  print(`${done.changed ? 'Switched off' : 'Off already'} until the gate of ${system} opens: ${users}.`)
  if (done.original !== null) print(`The file as it was: ${done.original}`)
  if (notAsked !== null)
    print(`Whether the restore service watches ${system} could not be asked (${notAsked}).`)
  print('Start the server now. The restore service erases, probes, and switches them on again.')
}

function fileOf({ aclFile, config }: RedisGiven): Pick<Preparing, 'file' | 'form'> {
  if (aclFile !== undefined && config !== undefined)
    throw new UsageError('give --acl-file or --config: a Redis reads its users from one of them')
  if (aclFile !== undefined) return { file: aclFile, form: 'acl-file' }
  if (config !== undefined) return { file: config, form: 'config' }
  throw new UsageError('give --acl-file or --config of the Redis that was restored')
}
