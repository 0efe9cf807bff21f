import type { Gate, Shut } from '@lethe/eraser-kit'
import type { Redis } from 'ioredis'
import { LETHE_PREFIX } from './grammar.js'
import type { Store } from './store.js'

/** The user that everybody without one is: where the replay role is that one, nobody else can be told apart. */
const DEFAULT_USER = 'default'

/**
 * Every other user is switched off and its connections are ended. Who was on before is kept in the store. The
 * server forgets users at a restart unless it has an ACL file or a configuration it may rewrite; the restore
 * service therefore asks `state` for as long as the gate should be shut.
 */
export function gateOf(store: Store, systemId: string): Gate {
  const key = `${LETHE_PREFIX}${systemId}:gate`
  const nodes = (): Redis[] => store.nodes()
  return {
    shut: async (): Promise<Shut> => {
      const me = String(await store.client.call('ACL', 'WHOAMI'))
      if (me === DEFAULT_USER) return { strength: 'advisory', sessionsEnded: 0 }
      let sessionsEnded = 0
      for (const node of nodes()) {
        const on = (await users(node)).filter((user) => user.on && user.name !== me).map(({ name }) => name)
        // Written down first: a crash in between leaves names that are switched on once more, and nobody locked out.
        if (on.length > 0) await store.client.sadd(key, ...on)
        for (const name of on) await node.call('ACL', 'SETUSER', name, 'off')
        for (const name of await savedNames(store, key))
          sessionsEnded += Number(await node.call('CLIENT', 'KILL', 'USER', name))
        await keep(node)
      }
      // A store in which nobody was on still has a gate that is shut.
      await store.client.sadd(key, '')
      return { strength: 'enforced', sessionsEnded }
    },
    open: async () => {
      const names = await savedNames(store, key)
      for (const node of nodes()) {
        const known = new Set((await users(node)).map(({ name }) => name))
        for (const name of names.filter((one) => known.has(one)))
          await node.call('ACL', 'SETUSER', name, 'on')
        await keep(node)
      }
      await store.client.del(key)
    },
    state: async () => {
      if ((await store.client.exists(key)) === 0) return 'open'
      const me = String(await store.client.call('ACL', 'WHOAMI'))
      for (const node of nodes())
        if ((await users(node)).some(({ name, on }) => on && name !== me)) return 'open'
      return 'shut'
    },
  }
}

const savedNames = async (store: Store, key: string) =>
  (await store.client.smembers(key)).filter((name) => name !== '')

async function users(node: Redis): Promise<{ name: string; on: boolean }[]> {
  const lines = (await node.call('ACL', 'LIST')) as string[]
  return lines.map((line) => {
    const [, name = '', ...rules] = line.split(' ')
    return { name, on: rules.includes('on') }
  })
}

/** Into the ACL file, or the configuration; a server with neither forgets, and `state` will tell. */
async function keep(node: Redis): Promise<void> {
  for (const [command, argument] of [
    ['ACL', 'SAVE'],
    ['CONFIG', 'REWRITE'],
  ] as const) {
    const done = await node.call(command, argument).then(
      () => true,
      () => false,
    )
    if (done) return
  }
}
