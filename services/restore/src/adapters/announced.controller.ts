import { BatchPattern, type HandlerResult, type Incoming, type Verdict } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { TerminalError } from '@lethe/service-host'
import { Controller, Inject } from '@nestjs/common'
import { Payload } from '@nestjs/microservices'
import { z } from 'zod'
import { Guard } from '../application/guard.js'
import { restoreName } from '../domain/restore-name.js'

export const WATCHED = Symbol('watched systems')

const announced = z.object({
  restoreId: restoreName,
  systemId: restoreName,
  backupId: restoreName.nullable(),
  announcedAt: z.number().int().min(0),
})

/** `restore.announced`: backup tooling says that a store comes back. What can't be meant goes to the dead letters. */
@Controller()
export class AnnouncedController {
  constructor(
    @Inject(Guard) private readonly guard: Guard,
    @Inject(WATCHED) private readonly watched: ReadonlySet<string>,
  ) {}

  @BatchPattern('restore.announced')
  async announced(@Payload() batch: readonly Incoming<wire.RestoreAnnounced>[]): Promise<HandlerResult> {
    const verdicts: Verdict[] = []
    for (const { value } of batch) {
      const error = this.refusal(value)
      if (error === null) await this.guard.announce(value)
      verdicts.push(error === null ? { ok: true } : { ok: false, error })
    }
    return verdicts
  }

  /** Says which field, never what stood in it. */
  private refusal(value: wire.RestoreAnnounced): TerminalError | null {
    const read = announced.safeParse(value)
    if (!read.success) {
      const fields = [...new Set(read.error.issues.map(({ path }) => path.join('.')))].join(', ')
      return new TerminalError('invalid_request', `An announced restore is wrong in ${fields}.`)
    }
    if (this.watched.has(value.systemId)) return null
    return new TerminalError(
      'not_found',
      'The announced restore is of a system that is not watched; LETHE_SYSTEMS of the restore service names those that are.',
    )
  }
}
