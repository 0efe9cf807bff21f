import { type Caller, inScope } from '@lethe/service-host'

/** The tenant a message names; null where it names none or could not be read. */
export function tenantOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('tenantId' in value)) return null
  return typeof value.tenantId === 'string' ? value.tenantId : null
}

/** What can't be told a tenant may be anybody's: it is for who has all of them. */
export const concerns = (caller: Caller, tenantId: string | null): boolean =>
  tenantId === null ? caller.tenants.includes('*') : inScope(caller, tenantId)
