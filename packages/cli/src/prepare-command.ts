import type { Command } from 'commander'
import { UsageError } from './exit.js'
import { isRedis, prepareRedisServer, type RedisGiven, redisOptions } from './prepare-redis.js'
import type { RestorePorts } from './restore-commands.js'

interface Given extends RedisGiven {
  system?: string
}

/** `lethe restore prepare`: shuts a restored server before its first start. Speaks to no service, only to files. */
export function addPrepareCommand(restore: Command, ports: RestorePorts): void {
  const command = restore
    .command('prepare')
    .description('shut a restored server before its first start; only the opening of its gate undoes it')
    .requiredOption('--system <id>', 'the system it is restored for')
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--json', 'print JSON')
  redisOptions(command).action(async (given: Given) => {
    const { system = '' } = given
    if (isRedis(given)) return prepareRedisServer(system, given, ports.print)
    throw new UsageError('say what was restored: --acl-file or --config of a Redis')
  })
}
