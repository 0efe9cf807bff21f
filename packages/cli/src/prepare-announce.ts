import { ProblemError, UnreachableError } from '@lethe/client'
import { UsageError } from './exit.js'
import type { RestorePorts } from './restore-commands.js'

/** Why the service can't be asked now; null when it watches this system. @throws UsageError when it does not */
export async function refuseUnwatched(
  systemId: string,
  ports: Pick<RestorePorts, 'restores'>,
): Promise<string | null> {
  try {
    await ports.restores().gate(systemId)
    return null
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'not_found')
      throw new UsageError(`the restore service watches no system ${systemId}; nothing was changed`)
    return reasonOf(error)
  }
}

/** Null when the service knows of it now. The gate is shut by then: a failure here is no failure of the whole. */
export async function announceHooked(
  { systemId, restoreId, backup }: { systemId: string; restoreId: string; backup: string | undefined },
  ports: Pick<RestorePorts, 'restores'>,
): Promise<string | null> {
  try {
    const given = { systemId, restoreId, gateMode: 'hooked' as const }
    await ports.restores().announce({ ...given, ...(backup ? { backupId: backup } : {}) })
    return null
  } catch (error) {
    return reasonOf(error)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof UnreachableError) return 'it does not answer'
  if (error instanceof ProblemError) return error.code
  if (error instanceof UsageError) return 'no credential for it here'
  throw error
}
