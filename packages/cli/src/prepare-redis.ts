import type { Preparing } from '@lethe/connectors/redis'
import type { Command } from 'commander'
import { UsageError } from './exit.js'

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

/** Shuts a Redis before its first start. Idempotent; prints what is off now, never a rule or a password. */
export async function prepareRedisServer(
  system: string,
  given: RedisGiven,
  print: (text: string) => void,
): Promise<void> {
  const { replayUser = 'replay', dryRun = false, json } = given
  const { prepareRedis } = await import('@lethe/connectors/redis')
  const done = await prepareRedis({ ...fileOf(given), replayUser, dryRun })
  if (json) return print(JSON.stringify({ systemId: system, ...done, dryRun }))
  const users = done.shut.join(', ') || 'nobody'
  if (dryRun) return print(`${done.changed ? 'Would switch off' : 'Off already'}: ${users}.`)
  print(`${done.changed ? 'Switched off' : 'Off already'} until the gate of ${system} opens: ${users}.`)
  if (done.original !== null) print(`The file as it was: ${done.original}`)
  print('Start the server now. The restore service erases, probes, and switches them on again.')
}

function fileOf({ aclFile, config }: RedisGiven): Pick<Preparing, 'file' | 'form'> {
  if (aclFile !== undefined && config !== undefined)
    throw new UsageError('give --acl-file or --config: a Redis reads its users from one of them')
  if (aclFile !== undefined) return { file: aclFile, form: 'acl-file' }
  if (config !== undefined) return { file: config, form: 'config' }
  throw new UsageError('give --acl-file or --config of the Redis that was restored')
}
