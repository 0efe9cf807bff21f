import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Post, Query, UseGuards } from '@nestjs/common'
import { z } from 'zod'
import { Backups } from '../../application/backups.js'
import { restoreName as id } from '../../domain/restore-name.js'

const instant = z.number().int().min(0)
const reportBody = z
  .object({
    systemId: id,
    backupId: id,
    takenAt: instant,
    keptUntil: instant.optional(),
    policy: id.optional(),
    gone: z.boolean().optional(),
  })
  .strict()
const listQuery = z.object({ systemId: id.optional(), all: z.enum(['true', 'false']).optional() }).strict()

/** The catalogue of backups. */
@Controller('v1/backups')
@UseGuards(AuthGuard)
export class BackupsController {
  constructor(@Inject(Backups) private readonly backups: Backups) {}

  @Get()
  async list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId, all } = parsed(listQuery, query, 'query')
    return { backups: await this.backups.list(caller, systemId ?? null, all === 'true') }
  }

  @Post()
  @HttpCode(200)
  report(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.backups.report(caller, parsed(reportBody, body))
  }
}
