import { existsSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { StackContext } from './context.js'
import { answersHttp } from './health.js'
import { nodeArgs } from './node-args.js'
import type { ProcessSpec } from './processes.js'
import { rootDir } from './state.js'

/** What belongs to a process as a whole: its log level and where its spans go. The rest is each service's own. */
const ofTheProcess = /^(NODE_|OTEL_|LETHE_LOG_LEVEL$)/
const ENTRY = 'services/one-process/dist/main.js'

/**
 * The given processes as one: what each would find in its environment becomes its section of a settings file
 * (mode 0600), and each keeps its port. Ready when all of them are.
 */
export function asOneProcess({ at, state }: StackContext, specs: readonly ProcessSpec[]): ProcessSpec {
  const port = at.ports.oneProcess
  const file = state.file('secrets', 'services.json')
  const process = specs
    .flatMap(({ env = {} }) => Object.entries(env))
    .filter(([name]) => ofTheProcess.test(name))
  return {
    name: 'one-process',
    command: globalThis.process.execPath,
    args: nodeArgs(join(rootDir, ENTRY)),
    env: { ...Object.fromEntries(process), LETHE_SERVICES_FILE: file, LETHE_PORT: String(port) },
    cwd: state.path,
    ports: [port, ...specs.flatMap(({ ports }) => ports)],
    prepare: async () => {
      if (!existsSync(join(rootDir, ENTRY))) throw new Error(`${ENTRY} is not built. Run: npm run build`)
      const services = Object.fromEntries(specs.map((spec) => [spec.name, sectionOf(spec)]))
      writeFileSync(file, JSON.stringify({ services }, null, 2), { mode: 0o600 })
    },
    healthy: () => answersHttp(`http://127.0.0.1:${port}/readyz`),
    deadlineMs: 180_000,
  }
}

function sectionOf({ name, args, env = {} }: ProcessSpec): {
  program: string
  settings: Record<string, string>
} {
  const entry = relative(rootDir, args.at(-1) ?? '').replaceAll('\\', '/')
  const program = /^services\/(.+)\/dist\/main\.js$/.exec(entry)?.[1]
  if (program === undefined) throw new Error(`${name} runs ${entry}, which is no service of the one process`)
  const settings = Object.entries(env).filter(([key]) => !ofTheProcess.test(key))
  return { program, settings: Object.fromEntries(settings) }
}
