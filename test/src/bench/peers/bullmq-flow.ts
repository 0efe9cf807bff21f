import { randomBytes } from 'node:crypto'
import { FlowProducer, Worker } from 'bullmq'

/** One parent and three children per request, nothing to do in any of them; the parent runs when its children have. */
export class BullmqFlow {
  private readonly prefix = `bench${randomBytes(4).toString('hex')}`
  private readonly flow: FlowProducer
  private readonly workers: Worker[]
  private done = 0

  constructor(redisUrl: string) {
    const connection = { url: redisUrl }
    const { prefix } = this
    this.flow = new FlowProducer({ connection, prefix })
    this.workers = ['request', 'a', 'b', 'c'].map(
      (name) =>
        new Worker(name, async () => undefined, {
          connection,
          prefix,
          concurrency: 100,
          removeOnComplete: { count: 0 },
        }),
    )
    this.workers[0]?.on('completed', () => {
      this.done += 1
    })
  }

  async ready(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.waitUntilReady()))
  }

  async run(count: number, concurrency: number): Promise<void> {
    const until = this.done + count
    let left = count
    const worker = async () => {
      while (left-- > 0)
        await this.flow.add({
          name: 'request',
          queueName: 'request',
          children: ['a', 'b', 'c'].map((queueName) => ({ name: 'erase', queueName })),
        })
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    while (this.done < until) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()))
    await this.flow.close()
  }
}
