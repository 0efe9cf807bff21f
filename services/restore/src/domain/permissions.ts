import type { Caller, Role } from '@lethe/service-host'

export type Action =
  | 'read_gate'
  | 'read'
  | 'announce'
  | 'sweep'
  | 'apply'
  | 'drill'
  | 'decide'
  | 'retry'
  | 'open'
  | 'self'

const officer: readonly Role[] = ['privacy_officer', 'admin']
const staff: readonly Role[] = ['operator', ...officer]

const allowed: Readonly<Record<Action, readonly Role[]>> = {
  // Everything that starts against a store may wait for its gate.
  read_gate: ['service', 'viewer', 'eraser', 'probe', 'restore', ...staff],
  read: ['viewer', 'restore', ...staff],
  announce: ['restore', ...staff],
  sweep: ['restore', ...staff],
  apply: ['restore', ...staff],
  drill: ['restore', ...staff],
  retry: staff,
  decide: officer,
  open: officer,
  self: officer,
}

export const may = (caller: Caller, action: Action): boolean =>
  caller.roles.some((role) => allowed[action].includes(role))
