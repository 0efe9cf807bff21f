import { BatchPattern, type Incoming } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import type { Logger } from '@lethe/service-host'
import { Controller, Inject } from '@nestjs/common'
import { Payload } from '@nestjs/microservices'
import { Guard } from '../application/guard.js'

export const LOGGER = Symbol('logger')
export const WATCHED = Symbol('watched systems')

/** `restore.announced`: backup tooling says that a store comes back. */
@Controller()
export class AnnouncedController {
  constructor(
    @Inject(Guard) private readonly guard: Guard,
    @Inject(WATCHED) private readonly watched: ReadonlySet<string>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @BatchPattern('restore.announced')
  async announced(@Payload() batch: readonly Incoming<wire.RestoreAnnounced>[]): Promise<void> {
    for (const { value } of batch) {
      const { restoreId, systemId, backupId, announcedBy, gateMode, announcedAt } = value
      if (!this.watched.has(systemId)) {
        this.logger.error({ restoreId }, 'a restore of a system that is not watched was announced')
        continue
      }
      await this.guard.announce({ restoreId, systemId, backupId, announcedBy, gateMode, announcedAt })
    }
  }
}
