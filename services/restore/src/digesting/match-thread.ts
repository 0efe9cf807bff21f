import { isMarkedAsUntransferable, Worker } from 'node:worker_threads'
import type { HeldIdentifiers } from '@lethe/eraser-kit'
import { RetryableError } from '@lethe/service-host'
import { type Candidates, type Match, matchesOf, matchesOneByOne, type Sought } from './held-match.js'
import type { Given } from './match-worker.js'

interface Answer {
  readonly found: Candidates | null
  readonly records: Uint8Array
}

/** `HeldMatch` in a thread of its own: digesting the identifiers of a large store would keep everything else waiting. */
export class MatchThread {
  private readonly worker: Worker
  private waiting: { answered(answer: Answer): void; failed(error: Error): void } | null = null
  private ended: Error | null = null

  constructor(
    private readonly sought: Sought,
    program = new URL('./match-worker.js', import.meta.url),
  ) {
    const { set, peppers, tenants } = sought
    const given: Given = { set: set.parts, peppers, tenants: [...tenants] }
    this.worker = new Worker(program, { workerData: given, execArgv: [] })
    this.worker.unref()
    this.worker.on('message', (answer: Answer) => this.waiting?.answered(answer))
    this.worker.on('error', (cause) => this.end(cause))
    this.worker.on('exit', () => this.end())
  }

  /** One page at a time; its records must not be used any more. @throws RetryableError when the thread ended */
  async matchesIn({ type, records }: HeldIdentifiers): Promise<Match[]> {
    // What is a part of other memory is copied, and so is what Node shares among buffers.
    const isWhole = records.byteOffset === 0 && !isMarkedAsUntransferable(records.buffer)
    const own = isWhole ? records : records.slice()
    const answer = await new Promise<Answer>((answered, failed) => {
      if (this.ended !== null) return failed(this.ended)
      this.waiting = { answered, failed }
      this.worker.postMessage({ type, records: own }, [own.buffer as ArrayBuffer])
    })
    this.waiting = null
    const page = { type, records: answer.records }
    return answer.found === null
      ? [...matchesOneByOne(this.sought, page)]
      : matchesOf(this.sought, page, answer.found)
  }

  async close(): Promise<void> {
    await this.worker.terminate()
  }

  private end(cause?: unknown): void {
    this.ended ??= new RetryableError('matching_ended', 'The thread that digests identifiers ended.', {
      cause,
    })
    this.waiting?.failed(this.ended)
  }
}
