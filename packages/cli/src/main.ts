import { LetheClient, RestoreClient } from '@lethe/client'
import { endpoints } from '@lethe/infra'
import { Command, CommanderError } from 'commander'
import { loadConfig, restoreConfig } from './config.js'
import { addDlqCommands } from './dlq-commands.js'
import { exitCodeHelp, exitCodeOf, exitCodes, explain } from './exit.js'
import { addMapCommands } from './map-commands.js'
import { addRebuildCommand } from './rebuild-command.js'
import { red } from './render.js'
import { addRequestCommands, type Ports } from './request-commands.js'
import { addRestoreCommands } from './restore-commands.js'
import { addStackCommands } from './stack-commands.js'
import { withoutValues } from './usage-text.js'
import { addVaultCommands } from './vault-commands.js'

/** Ctrl-C ends a following or a listing; it never undoes or stops an erasure. A second one ends at once. */
const interrupted = new AbortController()
process.on('SIGINT', () => {
  if (interrupted.signal.aborted) process.exit(130)
  interrupted.abort()
})

const ports: Ports = {
  client: (timeoutMs) =>
    new LetheClient({ ...loadConfig(endpoints().requestUrl), ...(timeoutMs ? { timeoutMs } : {}) }),
  print: (text) => process.stdout.write(`${text}\n`),
  setExit: (code) => {
    process.exitCode = code
  },
  signal: interrupted.signal,
}

const program = new Command('lethe')
  .description('Erase a person from every system that holds them, and prove it.')
  .version('0.1.0')
  .showHelpAfterError('(lethe --help shows the commands)')
  .addHelpText('after', exitCodeHelp)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(withoutValues(text)) })

addRequestCommands(program, ports)
addDlqCommands(program, ports)
addMapCommands(program, ports)
addRebuildCommand(program, ports)
addVaultCommands(program, ports)
addRestoreCommands(program, {
  ...ports,
  restores: () => new RestoreClient(restoreConfig(`http://127.0.0.1:${endpoints().ports.restore}`)),
})
addStackCommands(program, ports)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed what is wrong; help and version are not errors.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } else {
    process.stderr.write(`${red('lethe:')} ${explain(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
}
