import type { Command } from 'commander'
import { searchServerUrl } from './config.js'
import { UsageError } from './exit.js'
import { announceHooked, refuseUnwatched } from './prepare-announce.js'
import type { RestorePorts } from './restore-commands.js'

/** What `lethe restore prepare` is told of an Elasticsearch or OpenSearch. */
export interface SearchGiven {
  searchUrl?: string
  snapshot?: string
  indices?: string[]
  backup?: string
  dryRun?: boolean
  json?: boolean
}

export const searchOptions = (command: Command): Command =>
  command
    .option(
      '--search-url <url>',
      'Elasticsearch, OpenSearch: the cluster, with a user who may restore; or LETHE_SEARCH_URL',
    )
    .option('--snapshot <repository/snapshot>', 'Elasticsearch, OpenSearch: what is restored, shut')
    .option('--indices <names...>', 'Elasticsearch, OpenSearch: only these of the snapshot; without, all')

/** Whether the options are about a search server. */
export const isSearch = ({ searchUrl, snapshot }: SearchGiven): boolean =>
  searchUrl !== undefined || snapshot !== undefined

/** Restores a snapshot whose indices refuse everybody from their first moment, and tells the restore service. */
export async function prepareSearch(
  systemId: string,
  given: SearchGiven,
  ports: Pick<RestorePorts, 'restores' | 'print'>,
): Promise<void> {
  const { searchUrl = searchServerUrl(), indices, backup, dryRun = false } = given
  const [repository, snapshot, ...more] = (given.snapshot ?? '').split('/')
  if (searchUrl === undefined || !/^https?:\/\//.test(searchUrl) || !URL.canParse(searchUrl))
    throw new UsageError('--search-url, or LETHE_SEARCH_URL, is written https://user:password@host:port')
  if (!repository || !snapshot || more.length > 0)
    throw new UsageError('--snapshot is written repository/snapshot')
  const away = await refuseUnwatched(systemId, ports)
  const { restoreShut } = await import('@lethe/connectors/elasticsearch')
  const done = await restoreShut({ url: searchUrl, repository, snapshot, indices, dryRun })
  const restoreId = crypto.randomUUID()
  const notTold =
    dryRun || away !== null ? away : await announceHooked({ systemId, restoreId, backup }, ports)
  if (given.json) {
    ports.print(JSON.stringify({ systemId, ...done, dryRun, told: !dryRun && notTold === null, notTold }))
    return
  }
  const { print } = ports
  print(`${dryRun ? 'would call' : 'called'} ${done.call.method} ${done.call.path}`)
  print(`  ${JSON.stringify(done.call.body)}`)
  for (const warning of done.warnings) print(`note: ${warning}`)
  if (dryRun) return
  if (notTold !== null)
    print(`The restore service was not told (${notTold}). It finds the blocks when it looks.`)
  print(
    `The gate of ${systemId} is shut: ${done.indices.join(', ')} refuse everybody until everybody erased is gone again.`,
  )
}
