import { down, logs, type Profile, renderStatus, status, up } from '@lethe/infra'
import { type Command, Option } from 'commander'
import { exitCodes } from './exit.js'
import type { Ports } from './request-commands.js'

/** `up`, `down`, `status` and `logs`: the local stack, state under `.lethe/`. */
export function addStackCommands(program: Command, ports: Ports): void {
  program
    .command('up')
    .description('start the local stack on loopback, without Docker')
    .argument('[profile]', 'core: servers only; services: and the processes of Lethe', 'core')
    .option('--docker', 'run the servers with docker compose')
    .option('--one-process', 'services: all of Lethe in one process, for small installations')
    .action(async (profile: string, options: { docker?: boolean; oneProcess?: boolean }) => {
      if (options.oneProcess && profile !== 'services')
        program.error('--one-process is for the services: lethe up services --one-process', {
          exitCode: exitCodes.usage,
        })
      await up(profileOf(profile, program), {
        signal: ports.signal,
        report: (line) => ports.print(`  ${line}`),
        ...(options.docker ? { docker: true } : {}),
        ...(options.oneProcess ? { oneProcess: true } : {}),
      })
      ports.print('The stack is up. lethe status shows it, lethe down ends it.')
    })

  program
    .command('down')
    .description('end what up started, also after a crash')
    .option('--data', 'remove the data too')
    .action((options: { data?: boolean }) =>
      down({ report: (line) => ports.print(`  ${line}`), ...(options.data ? { data: true } : {}) }),
    )

  program
    .command('status')
    .description('processes, topics, consumer lag, replication slot, gates')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const found = await status()
      ports.print(options.json ? JSON.stringify(found) : renderStatus(found))
      if (found.processes.some(({ state }) => state !== 'running')) ports.setExit(exitCodes.failed)
    })

  program
    .command('logs <name>')
    .description('the log of one process of the stack')
    .addOption(new Option('-f, --follow', 'go on until Ctrl-C'))
    .action((name: string, options: { follow?: boolean }) =>
      logs(name, (text) => void process.stdout.write(text), {
        signal: ports.signal,
        ...(options.follow ? { follow: true } : {}),
      }),
    )
}

function profileOf(text: string, program: Command): Profile {
  if (text === 'core' || text === 'services') return text
  return program.error('this profile is not known: core or services', { exitCode: exitCodes.usage })
}
