import { type BatchContext, BatchPattern, type HandlerResult, type Incoming } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { Controller } from '@nestjs/common'
import { Ctx, Payload } from '@nestjs/microservices'
import { Intake } from '../application/intake.js'
import { pausedWhileAway } from './while-away.js'

/** `erasure.intake`: requests of services that publish instead of calling. */
@Controller()
export class IntakeController {
  constructor(private readonly intake: Intake) {}

  @BatchPattern('erasure.intake')
  async receive(
    @Payload() batch: readonly Incoming<wire.ErasureIntake>[],
    @Ctx() _context: BatchContext,
  ): Promise<HandlerResult> {
    return pausedWhileAway(() => this.intake.receive(batch.map(({ value }) => value)))
  }
}
