import { LetheClient, RestoreClient } from '@lethe/client'
import { endpoints } from '@lethe/infra'
import { CommanderError } from 'commander'
import { loadConfig, restoreConfig } from './config.js'
import { exitCodeOf, exitCodes, explain } from './exit.js'
import { buildProgram } from './program.js'
import { red } from './render.js'
import type { Ports } from './request-commands.js'

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

const program = buildProgram({
  ...ports,
  restores: () => new RestoreClient(restoreConfig(`http://127.0.0.1:${endpoints().ports.restore}`)),
})

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
