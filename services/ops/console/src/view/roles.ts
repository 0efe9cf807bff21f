/** Who may name a person here; the service decides, this only leaves out what it would refuse. */
export const mayName = (roles: readonly string[]): boolean =>
  roles.includes('privacy_officer') || roles.includes('admin')

/** Who may have a probe look again. */
export const mayReprobe = (roles: readonly string[]): boolean => mayName(roles) || roles.includes('operator')
