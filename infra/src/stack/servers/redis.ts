import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackContext } from '../context.js'
import { answersPing } from '../health.js'
import type { ProcessSpec } from '../processes.js'
import { rootDir } from '../state.js'

/** The shop's Redis, with one user for the eraser and a read-only one for the probe. */
export function redis(context: StackContext): ProcessSpec {
  const { tools, at, state } = context
  const port = at.ports.shopRedis
  return {
    name: 'redis-shop',
    command: tools.redisServer,
    args: [
      state.file('config', 'redis.conf'),
      ...['--port', String(port), '--bind', '127.0.0.1'],
      ...['--dir', state.folder('data', 'redis-shop')],
      ...['--aclfile', state.file('config', 'redis-users.acl')],
    ],
    ports: [port],
    prepare: async () => {
      copyFileSync(join(rootDir, 'infra', 'redis', 'redis.conf'), state.file('config', 'redis.conf'))
      prepareRedisUsers(context)
    },
    healthy: () => answersPing(port),
    deadlineMs: 60_000,
  }
}

/** Writes the users' file that the server reads at its start. */
export function prepareRedisUsers({ state, secrets, docker }: StackContext): void {
  const users = redisUsers((user) => secrets.password(user))
  // A container reads it as another user.
  writeFileSync(state.file('config', 'redis-users.acl'), users, { mode: docker ? 0o644 : 0o600 })
}

/** The default user stays open: it is the shop's application on a developer's machine. */
function redisUsers(password: (user: 'shop_eraser' | 'shop_probe' | 'shop_restore') => string): string {
  return [
    'user default on nopass ~* &* +@all',
    // The smallest rights of the connector's README: receipts and the marker live under lethe:.
    `user shop_eraser on >${password('shop_eraser')} ~tenant:* ~lethe:* -@all +info +select +scan +sscan +exists +eval +time +unlink +srem +hincrby +hset +hget +hmget +hgetall +hkeys`,
    `user shop_probe on >${password('shop_probe')} %R~tenant:* %R~lethe:* -@all +info +select +scan +sscan +exists +smembers`,
    // The replay user: erases, and switches everybody else off while a restored store is cleaned.
    `user shop_restore on >${password('shop_restore')} ~* &* +@all`,
    '',
  ].join('\n')
}
