import { join } from 'node:path'
import type { StackContext } from '../context.js'
import { answersHttp } from '../health.js'
import { quickStart } from '../java.js'
import type { ProcessSpec } from '../processes.js'

/** Apicurio with its schemas in a file: ids in Kafka's records must outlive a restart. */
export function registry({ tools, at, state }: StackContext): ProcessSpec {
  const database = join(state.folder('data', 'registry'), 'schemas')
  const options = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': at.ports.registry,
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': at.ports.registryManagement,
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': `jdbc:h2:file:${database}`,
  }
  const flags = Object.entries(options).map(([name, value]) => `-D${name}=${value}`)
  return {
    name: 'registry',
    command: tools.java,
    args: ['-Xmx384m', ...quickStart, ...flags, '-jar', join(tools.artifacts, 'registry', 'quarkus-run.jar')],
    ports: [at.ports.registry, at.ports.registryManagement],
    healthy: () => answersHttp(`${at.registryUrl}/subjects`),
    deadlineMs: 180_000,
  }
}
