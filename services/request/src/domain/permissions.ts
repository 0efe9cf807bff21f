export const roles = [
  'viewer',
  'operator',
  'privacy_officer',
  'admin',
  'service',
  'eraser',
  'probe',
  'restore',
] as const
export type Role = (typeof roles)[number]

/** Who is calling. */
export interface Caller {
  readonly id: string
  readonly roles: readonly Role[]
  /** Tenants of the caller; `*` is all. */
  readonly tenants: readonly string[]
  /** The one system the credential of an eraser or a probe is for; the restore service's may be for all (null). */
  readonly systemId: string | null
}

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
  | 'clear'
  | 'look'
  | 'read_map'
  | 'check_map'
  | 'replay'

const officer: readonly Role[] = ['privacy_officer', 'admin']
const staff: readonly Role[] = ['operator', ...officer]

const allowed: Readonly<Record<Action, readonly Role[]>> = {
  read: ['viewer', 'service', ...staff],
  create: ['service', ...staff],
  preview: staff,
  approve: officer,
  refuse: officer,
  hold: officer,
  release: officer,
  cancel: ['service', ...staff],
  extend: officer,
  retry: staff,
  clear: ['eraser'],
  look: ['probe'],
  read_map: ['eraser', 'probe', 'restore', 'viewer', ...staff],
  check_map: staff,
  replay: ['restore'],
}

export const may = (caller: Caller, action: Action): boolean =>
  caller.roles.some((role) => allowed[action].includes(role))

export const inScope = (caller: Caller, tenantId: string): boolean =>
  caller.tenants.includes('*') || caller.tenants.includes(tenantId)
