import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StackContext } from './context.js'

/** These JVMs live for minutes on few cores: start-up counts for more than the last tenth of throughput. */
export const quickStart: string[] = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '--enable-native-access=ALL-UNNAMED',
]

/** As long-running servers compile: what benchmarks measure on (`LETHE_DURABLE=1`). */
const lasting: string[] = quickStart.filter((flag) => !flag.includes('TieredStopAtLevel'))

/** JVM arguments with an explicit class path: a `*` is expanded in the file system's order, which differs. */
export function javaArgs({ tools }: StackContext, module: 'kafka', heap: string): string[] {
  const folder = join(tools.artifacts, module)
  const jars = readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(folder, name))
  return [`-Xmx${heap}`, ...(process.env.LETHE_DURABLE === '1' ? lasting : quickStart), '-cp', jars.join(':')]
}
