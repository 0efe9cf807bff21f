import type { Command } from 'commander'
import { UsageError } from './exit.js'
import { isSearch, prepareSearch, type SearchGiven, searchOptions } from './prepare-elasticsearch.js'
import { isPostgres, type PostgresGiven, postgresOptions, preparePostgres } from './prepare-postgres.js'
import { isRedis, prepareRedisServer, type RedisGiven, redisOptions } from './prepare-redis.js'
import type { RestorePorts } from './restore-commands.js'

interface Given extends RedisGiven, PostgresGiven, SearchGiven {
  system?: string
}

/** `lethe restore prepare`: shuts a restored store before anybody can reach it. Works while Lethe is away. */
export function addPrepareCommand(restore: Command, ports: RestorePorts): void {
  const command = restore
    .command('prepare')
    .description('shut a restored store before anybody can reach it; only the opening of its gate undoes it')
    .requiredOption('--system <id>', 'the system it is restored for')
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--json', 'print JSON')
  searchOptions(postgresOptions(redisOptions(command))).action(async (given: Given) => {
    const { system = '' } = given
    if ([isRedis(given), isPostgres(given), isSearch(given)].filter(Boolean).length > 1)
      throw new UsageError(
        'a system is a Redis, a PostgreSQL or an Elasticsearch: give the options of one of them',
      )
    if (isSearch(given)) return prepareSearch(system, given, ports)
    if (isRedis(given)) return prepareRedisServer(system, given, ports)
    if (isPostgres(given)) return preparePostgres(system, given, ports)
    throw new UsageError(
      'say what was restored: --acl-file or --config of a Redis, --data-directory or --url of a PostgreSQL, --search-url and --snapshot of an Elasticsearch',
    )
  })
}
