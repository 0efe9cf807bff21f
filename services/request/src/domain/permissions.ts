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
  | 'take'
  | 'attest'
  | 'evidence'
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
  take: staff,
  attest: staff,
  evidence: officer,
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

const atLeast: Readonly<Record<string, readonly Role[]>> = {
  operator: staff,
  privacy_officer: officer,
  admin: ['admin'],
}

/** `role` is the least that the data map wants for the task; null where there is none. A role nobody knows is nobody's. */
export function mayDoTask(
  caller: Caller,
  action: 'take' | 'attest' | 'evidence',
  role: string | null,
): boolean {
  if (!may(caller, action)) return false
  const enough = role === null ? staff : (atLeast[role] ?? [])
  return caller.roles.some((one) => enough.includes(one))
}
