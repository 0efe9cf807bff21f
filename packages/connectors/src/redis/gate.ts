import type { Gate, Shut } from '@lethe/eraser-kit'
import type { Redis } from 'ioredis'
import type { Store } from './store.js'

/** The user that everybody without one is: where the replay role is that one, nobody else can be told apart. */
const DEFAULT_USER = 'default'

/**
 * Every other user is switched off and its connections are ended. The server forgets users at a restart unless
 * it has an ACL file or a configuration it may rewrite; the restore service therefore asks `state` for as long
 * as the gate should be shut.
 */
export function gateOf(store: Store): Gate {
  const whoami = async () => String(await store.client.call('ACL', 'WHOAMI'))
  const admitted = async () => {
    const me = await whoami()
    const all = await Promise.all(store.nodes().map(users))
    return [...new Set(all.flat().flatMap(({ name, on }) => (on && name !== me ? [name] : [])))]
  }
  return {
    admitted,
    shut: async (): Promise<Shut> => {
      if ((await whoami()) === DEFAULT_USER) return { strength: 'advisory', sessionsEnded: 0 }
      let sessionsEnded = 0
      for (const node of store.nodes()) {
        const me = await whoami()
        const others = (await users(node)).filter(({ name }) => name !== me)
        for (const { name, on } of others) if (on) await node.call('ACL', 'SETUSER', name, 'off')
        // Whoever was switched off by a forerunner that crashed may still be connected.
        for (const { name } of others)
          sessionsEnded += Number(await node.call('CLIENT', 'KILL', 'USER', name))
        await keep(node)
      }
      return { strength: 'enforced', sessionsEnded }
    },
    open: async (names) => {
      for (const node of store.nodes()) {
        const known = new Set((await users(node)).map(({ name }) => name))
        for (const name of names.filter((one) => known.has(one)))
          await node.call('ACL', 'SETUSER', name, 'on')
        await keep(node)
      }
    },
    state: async () => ((await admitted()).length === 0 ? 'shut' : 'open'),
  }
}

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
