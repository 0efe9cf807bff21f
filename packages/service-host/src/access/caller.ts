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

/** Who is calling; what they may do is each service's own to say. */
export interface Caller {
  readonly id: string
  readonly roles: readonly Role[]
  /** Tenants of the caller; `*` is all. */
  readonly tenants: readonly string[]
  /** The one system the credential of an eraser or a probe is for; the restore service's may be for all (null). */
  readonly systemId: string | null
}

export const inScope = (caller: Caller, tenantId: string): boolean =>
  caller.tenants.includes('*') || caller.tenants.includes(tenantId)
