import type { Connector } from '@lethe/eraser-kit'

/** What writes, in Lethe's database and in the store; behind a reading a kill is as one behind the writing before. */
const STEPS =
  /^(announce|confirm|shut|remember|record|supersede|start|open|note|wait|audit|erase$|replace|prepare$|backupSeen)/

/** How many more steps a process does before it is killed; every one after that fails as well. */
export interface Life {
  left: number
}

/** Nothing is caught up with after a kill, but what belongs to the test has to be given back. */
const ALWAYS = new Set(['close'])

/**
 * The same object, whose process dies behind the call that ends its life: what the call did is done, and nobody of that
 * process learns of it or does anything more.
 */
export function mortal<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get: (of, name) => {
      const value: unknown = Reflect.get(of, name, of)
      if (typeof value !== 'function')
        return typeof value === 'object' && value !== null ? mortal(value, life) : value
      if (ALWAYS.has(String(name))) return value.bind(of)
      return async (...given: unknown[]) => {
        if (life.left <= 0) throw new Error('dead')
        const result: unknown = await value.apply(of, given)
        if (STEPS.test(String(name)) && --life.left <= 0) throw new Error('killed')
        return result
      }
    },
  })
}

/** Its sessions end with the process. */
export function mortalConnector(connector: Connector, life: Life): Connector {
  return {
    ...connector,
    open: async (context) => mortal(await connector.open(context), life),
    openProbe: async (context) => mortal(await connector.openProbe(context), life),
    openRestore: async (context) => {
      const session = await connector.openRestore?.(context)
      if (session === undefined) throw new Error(`${connector.kind} can not be watched`)
      return mortal(session, life)
    },
  }
}
