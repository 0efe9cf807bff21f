import type { Gate, Shut } from '@lethe/eraser-kit'
import type { Redis } from 'ioredis'
import { DEFAULT_USER, SHUT } from './acl-lines.js'
import type { Store } from './store.js'

interface User {
  readonly name: string
  readonly on: boolean
}

/**
 * Every other user is switched off and its connections are ended. The server forgets users at a restart unless
 * it has an ACL file or a configuration it may rewrite; the restore service therefore asks `state` for as long
 * as the gate should be shut. A server that `lethe restore prepare` shut before its first start says who was on by
 * users called `lethe-shut:<name>`, which go once they have been remembered.
 */
export function gateOf(store: Store): Required<Gate> {
  // Where the replay role is the default user, nobody else can be told apart.
  const whoami = async () => String(await store.client.call('ACL', 'WHOAMI'))
  const everywhere = async () => (await Promise.all(store.nodes().map(users))).flat()
  const inside = async () => {
    const me = await whoami()
    return (await everywhere()).flatMap(({ name, on }) => (on && name !== me ? [name] : []))
  }
  const signs = async () => (await everywhere()).filter(({ name }) => name.startsWith(SHUT))
  return {
    admitted: async () => {
      const me = await whoami()
      const before = (await signs()).map(({ name }) => name.slice(SHUT.length))
      const known = new Set((await everywhere()).map(({ name }) => name))
      const again = before.filter((name) => name !== '' && name !== me && known.has(name))
      return [...new Set([...(await inside()), ...again])]
    },
    shut: async (): Promise<Shut> => {
      if ((await whoami()) === DEFAULT_USER) return { strength: 'advisory', sessionsEnded: 0 }
      let sessionsEnded = 0
      for (const node of store.nodes()) sessionsEnded += await shutNode(node, await whoami())
      return { strength: 'enforced', sessionsEnded }
    },
    open: async (names) => {
      for (const node of store.nodes()) {
        const all = await users(node)
        const known = new Set(all.map(({ name }) => name))
        for (const name of names.filter((one) => known.has(one)))
          await node.call('ACL', 'SETUSER', name, 'on')
        await forget(node, all)
        await keep(node)
      }
    },
    state: async () => ((await inside()).length === 0 ? 'shut' : 'open'),
    prepared: async () =>
      (await signs()).length > 0 ? { restoreId: null, way: 'first_start', state: 'shut' } : null,
  }
}

/** Ends with nobody but `me` inside; returns how many sessions were ended that had been let in. */
async function shutNode(node: Redis, me: string): Promise<number> {
  const all = await users(node)
  const others = all.filter(({ name }) => name !== me && !name.startsWith(SHUT))
  for (const { name, on } of others) if (on) await node.call('ACL', 'SETUSER', name, 'off')
  let ended = 0
  // Whoever was switched off by a forerunner that crashed may still be connected.
  for (const { name, on } of others) {
    const killed = Number(await node.call('CLIENT', 'KILL', 'USER', name))
    // Whoever has not given a password yet counts as the default user, and was let in only if that one is on.
    if (on || name !== DEFAULT_USER) ended += killed
  }
  await forget(node, all)
  await keep(node)
  return ended
}

async function forget(node: Redis, all: readonly User[]): Promise<void> {
  const names = all.flatMap(({ name }) => (name.startsWith(SHUT) ? [name] : []))
  if (names.length > 0) await node.call('ACL', 'DELUSER', ...names)
}

async function users(node: Redis): Promise<User[]> {
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
