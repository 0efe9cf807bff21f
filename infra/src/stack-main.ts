import { logs } from './stack/logs.js'
import { renderStatus } from './stack/render-status.js'
import { down, up } from './stack/stack.js'
import type { Profile } from './stack/state.js'
import { status } from './stack/status.js'

/**
 * The stack without the command line package: `node infra/dist/stack-main.js up [core|services] [--one-process]`,
 * `down [--data]`, `status [--json]`, `logs NAME [--follow]`. Ends with 1 on failure, 130 on Ctrl-C.
 */
async function main([command, ...rest]: string[]): Promise<void> {
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () =>
      interrupt.abort(new Error('Interrupted; what had been started is stopped again.')),
    )
  const { signal } = interrupt
  const report = (line: string) => console.log(`  ${line}`)
  const name = rest.find((argument) => !argument.startsWith('-'))
  switch (command) {
    case 'up':
      return up(profileOf(name), {
        signal,
        report,
        docker: rest.includes('--docker'),
        oneProcess: rest.includes('--one-process'),
      })
    case 'down':
      return down({ data: rest.includes('--data'), report })
    case 'status': {
      const current = await status()
      return console.log(rest.includes('--json') ? JSON.stringify(current, null, 2) : renderStatus(current))
    }
    case 'logs':
      return logs(name ?? '', (text) => process.stdout.write(text), {
        follow: rest.includes('--follow'),
        signal,
      })
    default:
      throw new Error(
        'Usage: stack-main.js up [core|services] [--docker] [--one-process] | down [--data] | status [--json] | logs NAME [--follow]',
      )
  }
}

function profileOf(name = 'core'): Profile {
  if (name === 'core' || name === 'services') return name
  throw new Error(`There is no profile "${name}". There are: core, services`)
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message)
  process.exitCode = error.message.startsWith('Interrupted') ? 130 : 1
})
