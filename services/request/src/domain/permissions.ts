import type { Caller, Role } from '@lethe/service-host'

export { type Caller, inScope, type Role, roles } from '@lethe/service-host'

export type Action =
  | 'read'
  | 'create'
  | 'preview'
  | 'approve'
  | 'refuse'
  | 'hold'
  | 'release'
  | 'cancel'
  | 'extend'
  | 'retry'
  | 'reprobe'
  | 'clear'
  | 'look'
  | 'read_map'
  | 'check_map'
  | 'replay'
  | 'import_tombstones'
  | 'administer_vault'
  | 'find_person'
  | 'where'

const officer: readonly Role[] = ['privacy_officer', 'admin']
const staff: readonly Role[] = ['operator', ...officer]

const allowed: Readonly<Record<Action, readonly Role[]>> = {
  read: ['viewer', 'service', ...staff],
  create: ['service', ...staff],
  preview: staff,
  approve: officer,
  refuse: officer,
  // A self-restore places the holds its database has lost.
  hold: ['restore', ...officer],
  release: officer,
  cancel: ['service', ...staff],
  extend: officer,
  retry: staff,
  reprobe: staff,
  clear: ['eraser'],
  look: ['probe'],
  read_map: ['eraser', 'probe', 'restore', 'viewer', ...staff],
  check_map: staff,
  replay: ['restore'],
  import_tombstones: officer,
  administer_vault: ['admin'],
  find_person: officer,
  where: officer,
}

export const may = (caller: Caller, action: Action): boolean =>
  caller.roles.some((role) => allowed[action].includes(role))
