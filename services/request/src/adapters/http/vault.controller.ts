import { AuthGuard, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common'
import { VaultAdministration } from '../../application/vault-administration.js'
import type { Caller } from '../../domain/permissions.js'
import { vaultBodies } from './bodies.js'

/** The life of the vault's keys; administrators of all tenants only. No answer names anybody. */
@Controller('v1/vault')
@UseGuards(AuthGuard)
export class VaultController {
  constructor(private readonly vault: VaultAdministration) {}

  @Get()
  status(@CallerParam() caller: Caller) {
    return this.vault.status(caller)
  }

  @Post('rotate')
  @HttpCode(200)
  rotate(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.vault.rotate(caller, parsed(vaultBodies.rotate, body).dryRun)
  }

  @Post('reseal')
  @HttpCode(200)
  reseal(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { epoch, dryRun } = parsed(vaultBodies.reseal, body)
    return this.vault.reseal(caller, epoch, dryRun)
  }

  @Post('destroy')
  @HttpCode(200)
  destroy(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { epoch, ...options } = parsed(vaultBodies.destroy, body)
    return this.vault.destroy(caller, epoch, options)
  }

  @Get('peppers')
  peppers(@CallerParam() caller: Caller) {
    return this.vault.pepperStatus(caller)
  }

  @Post('peppers/rotate')
  @HttpCode(200)
  rotatePepper(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.vault.rotatePepper(caller, parsed(vaultBodies.rotatePepper, body).dryRun)
  }
}
