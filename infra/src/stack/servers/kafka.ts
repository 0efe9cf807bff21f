import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { StackContext } from '../context.js'
import { accepts } from '../health.js'
import { javaArgs } from '../java.js'
import type { ProcessSpec } from '../processes.js'
import { rootDir } from '../state.js'

const runFile = promisify(execFile)

/** One Kafka broker in KRaft mode that is its own controller. */
export function kafka(context: StackContext): ProcessSpec {
  const { tools, at, state } = context
  const config = state.file('config', 'kafka.properties')
  const java = (heap: string) => javaArgs(context, 'kafka', heap)
  return {
    name: 'kafka',
    command: tools.java,
    args: [...java('512m'), ...log4j, 'kafka.Kafka', config],
    ports: [at.ports.kafka, at.ports.kafkaController],
    prepare: async () => {
      const data = state.folder('data', 'kafka')
      writeFileSync(config, brokerProperties(context, data))
      if (existsSync(join(data, 'meta.properties'))) return
      // One that starts with a dash would be taken for an option.
      const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
      const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config]
      await runFile(tools.java, [...java('128m'), ...format])
    },
    healthy: () => accepts(at.ports.kafka),
    deadlineMs: 180_000,
  }
}

/** Warnings and worse go to the process's log. */
export const log4j: string[] = [
  `-Dlog4j2.configurationFile=${join(rootDir, 'infra', 'kafka', 'log4j2.properties')}`,
]

function brokerProperties({ at }: StackContext, data: string): string {
  const [broker, controller] = [`127.0.0.1:${at.ports.kafka}`, `127.0.0.1:${at.ports.kafkaController}`]
  return [
    readFileSync(join(rootDir, 'infra', 'kafka', 'server.properties'), 'utf8'),
    'node.id=1',
    `controller.quorum.voters=1@${controller}`,
    `listeners=PLAINTEXT://${broker},CONTROLLER://${controller}`,
    `advertised.listeners=PLAINTEXT://${broker}`,
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${data}`,
    '',
  ].join('\n')
}
