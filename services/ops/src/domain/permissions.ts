import type { Caller, Role } from '@lethe/service-host'

export type Action = 'look' | 'read'

const staff: readonly Role[] = ['viewer', 'operator', 'privacy_officer', 'admin']

const allowed: Readonly<Record<Action, readonly Role[]>> = {
  /** Lag, overview, erasers, gates, dead letters: the machine, not a person. */
  look: staff,
  /** Requests, of the caller's own tenants. */
  read: staff,
}

export const may = (caller: Caller, action: Action): boolean =>
  caller.roles.some((role) => allowed[action].includes(role))

/** The caller's tenants, as the read models' queries take them. */
export const scopeOf = (caller: Caller): readonly string[] | '*' =>
  caller.tenants.includes('*') ? '*' : caller.tenants
