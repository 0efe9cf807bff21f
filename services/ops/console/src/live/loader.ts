import { ask } from './ask.js'

export interface Answer<T> {
  /** The last good answer; null before the first. */
  readonly value: T | null
  /** Why the last question had none; the value before it is kept. */
  readonly error: Error | null
  /** Of `value`, epoch milliseconds. */
  readonly at: number | null
}

/** Between two questions, milliseconds. A list may move with every change of anything; one request moves rarely. */
export const GAP_MS = { list: 700, one: 100 } as const

/**
 * Asks one path again whenever it is told to, one question at a time: what comes in while one is out is one more
 * question after it, however often it came.
 */
export class Loader<T> {
  private busy = false
  private again = false
  private readonly stopped = new AbortController()
  private answer: Answer<T> = { value: null, error: null, at: null }

  constructor(
    private readonly path: string,
    private readonly tell: (answer: Answer<T>) => void,
    private readonly gapMs: number = GAP_MS.list,
  ) {}

  ask(): void {
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    ask<T>(this.path, this.stopped.signal)
      .then(
        (value) => this.set({ value, error: null, at: Date.now() }),
        (error: Error) => this.set({ ...this.answer, error }),
      )
      .finally(() => setTimeout(() => this.next(), this.gapMs))
  }

  stop(): void {
    this.stopped.abort()
  }

  private next(): void {
    this.busy = false
    if (!this.again || this.stopped.signal.aborted) return
    this.again = false
    this.ask()
  }

  private set(answer: Answer<T>): void {
    if (this.stopped.signal.aborted) return
    this.answer = answer
    this.tell(answer)
  }
}
