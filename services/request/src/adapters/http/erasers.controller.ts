import { AuthGuard, CallerParam, parsed, problem } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common'
import { forbidden } from '../../application/access.js'
import { Clearance } from '../../application/clearance.js'
import { DataMaps } from '../../application/data-maps.js'
import { EraserBeats } from '../../application/eraser-beats.js'
import { inColumns } from '../../application/tombstone-columns.js'
import { Tombstones } from '../../application/tombstones.js'
import { type Caller, may } from '../../domain/permissions.js'
import { beatBody, clearanceBody, peppersBody, tombstonesBody } from './bodies.js'

/** What erasers, probes and the restore service ask: clearance just before they touch anything, and their section of the data map. */
@Controller('v1')
@UseGuards(AuthGuard)
export class ErasersController {
  constructor(
    private readonly clearance: Clearance,
    private readonly maps: DataMaps,
    private readonly tombstones: Tombstones,
    private readonly beats: EraserBeats,
  ) {}

  /** One answer per pass, in the order asked. */
  @Post('clearance')
  @HttpCode(200)
  async clear(@CallerParam() caller: Caller, @Body() body: unknown) {
    return { results: await this.clearance.clear(caller, parsed(clearanceBody, body)) }
  }

  /** Live tombstones with their identifiers, a page at a time, for the restore service. POST keeps them out of URLs. */
  @Post('tombstones')
  @HttpCode(200)
  async liveTombstones(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { matching, as, ...question } = parsed(tombstonesBody, body)
    const page = await (matching === undefined
      ? this.tombstones.page(caller, question)
      : this.tombstones.withDigests(caller, { ...question, ...matching }))
    return as === 'rows' ? page : inColumns(page)
  }

  /** The secrets that digests are made with, for a replay where only digests are left of some people. */
  @Post('tombstones/peppers')
  @HttpCode(200)
  peppers(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.tombstones.peppers(caller, parsed(peppersBody, body))
  }

  /** Since when receipts in the eraser's own system are needed. */
  @Get('tombstones/oldest')
  oldestTombstone(@CallerParam() caller: Caller) {
    return this.tombstones.oldest(caller)
  }

  /** The last word of a process of an eraser or a probe, of its own system. */
  @Post('beats')
  @HttpCode(200)
  async beat(@CallerParam() caller: Caller, @Body() body: unknown) {
    await this.beats.told(caller, parsed(beatBody, body))
    return { heard: true }
  }

  /** `version` is a number, or `current` for the map in force. */
  @Get('data-maps/:version/systems/:systemId')
  async section(
    @CallerParam() caller: Caller,
    @Param('version') version: string,
    @Param('systemId') systemId: string,
  ) {
    if (!may(caller, 'read_map')) throw forbidden('read_map')
    if (caller.systemId !== null && caller.systemId !== systemId) {
      throw problem('forbidden', 'An eraser credential reads the section of its own system only.')
    }
    const wanted = version === 'current' ? String(this.maps.current.version) : version
    const section = /^\d{1,9}$/.test(wanted) ? await this.maps.section(Number(wanted), systemId) : null
    if (section === null) throw problem('not_found', 'This version of the data map has no such system.')
    return section
  }
}
