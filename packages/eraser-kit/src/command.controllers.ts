import { BatchContext, BatchPattern, type Incoming, type Verdict } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { Controller, Inject } from '@nestjs/common'
import { Ctx, Payload } from '@nestjs/microservices'
import { EraseHost } from './erase-host.js'
import { ProbeHost } from './probe-host.js'

@Controller()
export class EraseController {
  constructor(@Inject(EraseHost) private readonly host: EraseHost) {}

  @BatchPattern('erasure.requested')
  erase(
    @Payload() items: Incoming<wire.ErasureRequested>[],
    @Ctx() context: BatchContext,
  ): Promise<Verdict[]> {
    return this.host.handle(items, context)
  }
}

@Controller()
export class ProbeController {
  constructor(@Inject(ProbeHost) private readonly host: ProbeHost) {}

  @BatchPattern('erasure.probe.requested')
  probe(
    @Payload() items: Incoming<wire.ErasureProbeRequested>[],
    @Ctx() context: BatchContext,
  ): Promise<Verdict[]> {
    return this.host.handle(items, context)
  }
}
