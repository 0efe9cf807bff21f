import type { PreparedGate } from '@lethe/connectors/postgres'
import type { Command } from 'commander'
import { UsageError } from './exit.js'
import { announceHooked, refuseUnwatched } from './prepare-announce.js'
import type { RestorePorts } from './restore-commands.js'

/** What `lethe restore prepare` is told of a PostgreSQL. */
export interface PostgresGiven {
  dataDirectory?: string
  url?: string
  database?: string
  replayRole?: string
  restoringRole?: string
  admit?: string[]
  configFile?: string
  gateDirectory?: string
  backup?: string
  undo?: boolean
  dryRun?: boolean
  yes?: boolean
  json?: boolean
}

export const postgresOptions = (command: Command): Command =>
  command
    .option('--data-directory <dir>', 'PostgreSQL: a restored data directory, before its server starts')
    .option(
      '--url <url>',
      'PostgreSQL: a running server a dump goes into, as a superuser (or with PGPASSWORD)',
    )
    .option('--database <name>', 'PostgreSQL: which database the dump goes into; the one of --url')
    .option('--replay-role <name>', 'PostgreSQL: the restore service’s role', 'lethe_replay')
    .option('--restoring-role <name>', 'PostgreSQL: who fills the database; the role of --url')
    .option('--admit <roles...>', 'PostgreSQL: further roles that get in')
    .option(
      '--config-file <file>',
      'PostgreSQL: the postgresql.conf it starts with, where that lies elsewhere',
    )
    .option('--gate-directory <dir>', 'PostgreSQL: where the gate’s files go; <data directory>.lethe-gate')
    .option('--backup <id>', 'PostgreSQL, Elasticsearch: which backup it is; kept with the restore')
    .option('--undo', 'PostgreSQL: take all of it back; whoever may connect gets in')
    .option('--yes', 'you mean it: sessions in the database end, or a shut gate opens')

/** Whether the options are about a PostgreSQL. */
export const isPostgres = ({ dataDirectory, url }: PostgresGiven): boolean =>
  dataDirectory !== undefined || url !== undefined

/** Shuts a PostgreSQL before anybody reaches what was restored, and tells the restore service where it answers. */
export async function preparePostgres(
  systemId: string,
  given: PostgresGiven,
  ports: Pick<RestorePorts, 'restores' | 'print'>,
): Promise<void> {
  if (given.dataDirectory !== undefined && given.url !== undefined)
    throw new UsageError('give --data-directory before a first start, or --url of a running server, not both')
  if (given.undo) return undo(systemId, given, ports.print)
  if (given.url !== undefined && !given.yes && !given.dryRun)
    throw new UsageError(
      'every session in the database ends: say --yes, or --dry-run to see what would be done',
    )
  const away = await refuseUnwatched(systemId, ports)
  const gate = await shut(systemId, given)
  const { restoreId } = gate
  const told =
    given.dryRun || away !== null
      ? away
      : await announceHooked({ systemId, restoreId, backup: given.backup }, ports)
  if (given.json) {
    const { dryRun = false } = given
    ports.print(JSON.stringify({ ...gate, dryRun, told: !dryRun && told === null, notTold: told }))
    return
  }
  const { print } = ports
  for (const step of gate.steps) print(`${given.dryRun ? 'would' : 'done:'} ${step}`)
  if (gate.steps.length === 0) print('everything stood there already')
  for (const warning of gate.warnings) print(`note: ${warning}`)
  if (given.dryRun) return
  if (told !== null) print(`The restore service was not told (${told}). It finds the gate when it looks.`)
  print(`The gate of ${systemId} is shut for restore ${gate.restoreId}. Only ${admitted(given)} get in.`)
  print(gate.way === 'first_start' ? 'Start the server now.' : 'Restore the dump now.')
}

const admitted = ({ replayRole = '', restoringRole, url, admit = [] }: PostgresGiven): string =>
  [replayRole, ...admit, ...(url ? [restoringRole ?? 'the role of --url'] : [])].join(', ')

async function shut(systemId: string, given: PostgresGiven): Promise<PreparedGate> {
  const { dataDirectory, url = '', replayRole = '', ...rest } = given
  const { prepareDataDirectory, prepareRunningServer } = await import('@lethe/connectors/postgres')
  return dataDirectory === undefined
    ? prepareRunningServer({ ...rest, systemId, url: addressOf(url), replayRole })
    : prepareDataDirectory({ ...rest, systemId, dataDirectory, replayRole })
}

async function undo(systemId: string, given: PostgresGiven, print: (text: string) => void): Promise<void> {
  const { dataDirectory, url = '', dryRun = false } = given
  const postgres = await import('@lethe/connectors/postgres')
  const files = { ...given, systemId, dataDirectory: dataDirectory ?? '' }
  const server = () => ({ systemId, url: addressOf(url), dryRun })
  const isShut = dataDirectory === undefined ? await postgres.isShutOn(server()) : postgres.isShut(files)
  if (isShut && !given.yes && !dryRun)
    throw new UsageError(
      'this gate is shut, and people who were erased may be behind it: say --yes to open it',
    )
  const { steps } =
    dataDirectory === undefined
      ? await postgres.undoRunningServer(server())
      : postgres.undoDataDirectory(files)
  if (given.json) return print(JSON.stringify({ systemId, steps, dryRun, wasShut: isShut }))
  for (const step of steps) print(`${dryRun ? 'would' : 'done:'} ${step}`)
  if (steps.length === 0) print('There is no gate here.')
  else if (dataDirectory !== undefined)
    print('A server that runs there reads it after: pg_ctl reload -D <dir>')
}

function addressOf(url: string): string {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url
  throw new UsageError('--url is written postgres://role@host:port/database')
}
