import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackContext } from '../context.js'
import { answersHttp } from '../health.js'
import { javaArgs } from '../java.js'
import type { ProcessSpec } from '../processes.js'
import { rootDir } from '../state.js'
import { log4j } from './kafka.js'

/** Kafka Connect with the Debezium plugin; one distributed worker. */
export function connect(context: StackContext): ProcessSpec {
  const { tools, at, state } = context
  const config = state.file('config', 'connect.properties')
  return {
    name: 'connect',
    command: tools.java,
    args: [
      ...javaArgs(context, 'kafka', '512m'),
      ...log4j,
      'org.apache.kafka.connect.cli.ConnectDistributed',
      config,
    ],
    ports: [at.ports.connect],
    prepare: async () => writeFileSync(config, workerProperties(context)),
    healthy: () => answersHttp(`${at.connectUrl}/connectors`),
    deadlineMs: 180_000,
  }
}

function workerProperties({ at, tools, state }: StackContext): string {
  return [
    readFileSync(join(rootDir, 'infra', 'connect', 'worker.properties'), 'utf8'),
    `bootstrap.servers=${at.brokers.join(',')}`,
    `listeners=${at.connectUrl}`,
    `plugin.path=${pluginFolder(state.folder('config', 'connect-plugins'), tools.artifacts)}`,
    '',
  ].join('\n')
}

/** Connect takes a folder of plugins; the artefacts hold other things too, so one link is put into an own one. */
function pluginFolder(folder: string, artifacts: string): string {
  mkdirSync(folder, { recursive: true })
  const link = join(folder, 'debezium')
  if (!existsSync(link)) symlinkSync(join(artifacts, 'debezium'), link)
  return folder
}
