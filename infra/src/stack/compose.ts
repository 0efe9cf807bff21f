import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { StackContext } from './context.js'
import { rootDir } from './state.js'

/** Starts the servers of docker-compose.yml and waits for their health checks. */
export const composeUp = (context: StackContext): Promise<void> =>
  compose(context, ['up', '--detach', '--wait'])

/** Ends them; with `data`, their volumes go too. */
export const composeDown = (context: StackContext, data: boolean): Promise<void> =>
  compose(context, ['down', ...(data ? ['--volumes'] : [])])

/** Shows the log of one container. */
export const composeLogs = (context: StackContext, name: string): Promise<void> =>
  compose(context, ['logs', '--tail', '200', name])

function compose({ at, tools, state }: StackContext, args: string[]): Promise<void> {
  const env = {
    ...process.env,
    LETHE_ARTIFACTS: tools.artifacts,
    LETHE_REDIS_USERS: state.file('config', 'redis-users.acl'),
    LETHE_KAFKA_PORT: String(at.ports.kafka),
    LETHE_REGISTRY_PORT: String(at.ports.registry),
    LETHE_CONNECT_PORT: String(at.ports.connect),
    LETHE_PG_PORT: String(at.ports.lethePostgres),
    LETHE_SHOP_PG_PORT: String(at.ports.shopPostgres),
    LETHE_SHOP_REDIS_PORT: String(at.ports.shopRedis),
  }
  return new Promise((resolve, reject) => {
    const file = join(rootDir, 'docker-compose.yml')
    const child = spawn('docker', ['compose', '-f', file, ...args], { stdio: 'inherit', env })
    child.once('error', (cause) => reject(new Error('docker could not be started', { cause })))
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`docker compose ${args[0]} ended with ${code}`)),
    )
  })
}
