import { BatchContext, BatchPattern, type Incoming } from '@lethe/messaging'
import { Controller, Inject } from '@nestjs/common'
import { Ctx, Payload } from '@nestjs/microservices'
import { FoldBatch } from '../application/fold-batch.js'
import { moved } from './pg-offsets.js'

/** `erasure.acknowledged`: acknowledgements of erasers and reports of probes. */
@Controller()
export class AcknowledgementController {
  constructor(@Inject(FoldBatch) private readonly fold: FoldBatch) {}

  @BatchPattern('erasure.acknowledged')
  async acknowledged(@Payload() batch: Incoming[], @Ctx() context: BatchContext): Promise<void> {
    const { topic, partition, position } = context
    await this.fold.run(batch, { topic, partition, ...position }).catch((error: unknown) => {
      throw moved(error)
    })
  }
}
