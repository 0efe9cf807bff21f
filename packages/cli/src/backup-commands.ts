import type { BackupView } from '@lethe/client'
import type { Command } from 'commander'
import { exitCodes, UsageError } from './exit.js'
import { instant, table } from './render.js'
import type { RestorePorts } from './restore-commands.js'

interface Given {
  system?: string
  backup?: string
  taken?: string
  keptUntil?: string
  policy?: string
  gone?: boolean
  all?: boolean
  json?: boolean
}

/** `lethe backups`: which there are, until when they are kept, and which the data map does not allow for. */
export function addBackupCommands(program: Command, ports: RestorePorts): void {
  const backups = program.command('backups').description('the catalogue of backups')

  backups
    .command('list')
    .description('backups, newest first; ends with 5 when one is kept longer than the data map says')
    .option('--system <id>', 'only of this system')
    .option('--all', 'those that are gone too')
    .option('--json', 'print JSON')
    .action(async ({ system, all, json }: Given) => {
      const found = await ports
        .restores()
        .backups({ ...(system ? { systemId: system } : {}), ...(all ? { all } : {}) })
      say(found, json, ports)
    })

  backups
    .command('report')
    .description('tell of a backup that was taken, is kept until another time, or is gone')
    .requiredOption('--system <id>', 'the system')
    .requiredOption('--backup <id>', 'what the backup is called')
    .requiredOption('--taken <instant>', 'when it was begun, e.g. 2026-11-21T10:00:00Z')
    .option('--kept-until <instant>', 'until when it is kept')
    .option('--policy <name>', 'its kind in the data map')
    .option('--gone', 'it is deleted')
    .option('--json', 'print JSON')
    .action(async ({ system = '', backup = '', taken = '', keptUntil, policy, gone, json }: Given) => {
      const told = await ports.restores().reportBackup({
        systemId: system,
        backupId: backup,
        takenAt: instantOf('--taken', taken),
        ...(keptUntil === undefined ? {} : { keptUntil: instantOf('--kept-until', keptUntil) }),
        ...(policy === undefined ? {} : { policy }),
        ...(gone ? { gone } : {}),
      })
      say([told], json, ports)
    })
}

function instantOf(option: string, text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new UsageError(`${option} is an instant such as 2026-11-21T10:00:00Z`)
  return at
}

const heads = ['system', 'backup', 'kind', 'taken', 'kept until', 'due to go', 'gone', 'alert']
const row = (view: BackupView): string[] => [
  view.systemId,
  view.backupId,
  view.policy ?? '',
  instant(view.takenAt),
  instant(view.keptUntil),
  instant(view.dueAt),
  instant(view.goneAt),
  view.alerts.join(', '),
]

function say(found: readonly BackupView[], json: boolean | undefined, ports: RestorePorts): void {
  if (found.some(({ alerts }) => alerts.includes('kept_longer'))) ports.setExit(exitCodes.needsPerson)
  const text = found.length === 0 ? 'No backups were reported.' : table([heads, ...found.map(row)])
  ports.print(json ? JSON.stringify(found) : text)
}
