import { Command } from 'commander'
import { addBackupCommands } from './backup-commands.js'
import { addDlqCommands } from './dlq-commands.js'
import { exitCodeHelp } from './exit.js'
import { addMapCommands } from './map-commands.js'
import { addRebuildCommand } from './rebuild-command.js'
import { addRequestCommands, type Ports } from './request-commands.js'
import { addRestoreCommands, type RestorePorts } from './restore-commands.js'
import { checkShapes } from './shapes.js'
import { addStackCommands } from './stack-commands.js'
import { addTombstoneCommands } from './tombstone-commands.js'
import { withoutValues } from './usage-text.js'
import { addVaultCommands } from './vault-commands.js'

/** All of `lethe`. What is given in every place is looked at before a command runs. */
export function buildProgram(ports: Ports & RestorePorts): Command {
  const program = new Command('lethe')
    .description('Erase a person from every system that holds them, and prove it.')
    .version('0.1.0')
    .showHelpAfterError('(lethe --help shows the commands)')
    .addHelpText('after', exitCodeHelp)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withoutValues(text)) })
    .hook('preAction', (_program, command) => checkShapes(command))
  addRequestCommands(program, ports)
  addDlqCommands(program, ports)
  addMapCommands(program, ports)
  addRebuildCommand(program, ports)
  addVaultCommands(program, ports)
  addRestoreCommands(program, ports)
  addTombstoneCommands(program, ports)
  addBackupCommands(program, ports)
  addStackCommands(program, ports)
  return program
}
