import { Body, Controller, HttpCode, Inject, Post, UseGuards } from '@nestjs/common'
import { z } from 'zod'
import { ProbeTokenGuard } from './look.controller.js'
import { MapCheck, type SystemCheck } from './map-check.js'
import { sectionShape } from './request-client.js'

const body = z.object({ section: sectionShape.optional() })

/** What `request` asks for `map check`: a section of a map that is not in force yet, or the one that is. */
@Controller('v1')
@UseGuards(ProbeTokenGuard)
export class MapCheckController {
  constructor(@Inject(MapCheck) private readonly maps: MapCheck) {}

  @Post('describe')
  @HttpCode(200)
  describe(@Body({ schema: body }) { section }: z.infer<typeof body>): Promise<SystemCheck> {
    return this.maps.check(section)
  }
}
