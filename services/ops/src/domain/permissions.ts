import type { Caller, Role } from '@lethe/service-host'

/** What people do with one request; `request` decides whether it may be done now. */
export const verbs = ['approve', 'refuse', 'hold', 'release', 'extend', 'cancel', 'retry', 'reprobe'] as const
export type Verb = (typeof verbs)[number]
export type Action = 'look' | 'read' | 'look_into' | 'redrive' | 'find_person' | 'where' | 'check_map' | Verb

const officers: readonly Role[] = ['privacy_officer', 'admin']
const operators: readonly Role[] = ['operator', ...officers]
const staff: readonly Role[] = ['viewer', ...operators]

const allowed: Readonly<Record<Action, readonly Role[]>> = {
  /** Lag, overview, erasers, gates, dead letters: the machine, not a person. */
  look: staff,
  /** Requests, of the caller's own tenants. */
  read: staff,
  /** What a dead letter holds. */
  look_into: operators,
  redrive: operators,
  check_map: operators,
  /** Naming a person, to find their requests and the sources that hold them. */
  find_person: officers,
  where: officers,
  cancel: operators,
  retry: operators,
  reprobe: operators,
  approve: officers,
  refuse: officers,
  hold: officers,
  release: officers,
  extend: officers,
}

export const may = (caller: Caller, action: Action): boolean =>
  caller.roles.some((role) => allowed[action].includes(role))

/** The roles that may, the least first. */
export const rolesFor = (action: Action): readonly Role[] => allowed[action]

/** The caller's tenants, as the read models' queries take them. */
export const scopeOf = (caller: Caller): readonly string[] | '*' =>
  caller.tenants.includes('*') ? '*' : caller.tenants
