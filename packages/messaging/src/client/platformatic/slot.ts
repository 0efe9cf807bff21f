import type { PlatformaticBatch } from './records.js'

/** One assigned partition in one generation of the group: where it is read, and the batch that waits. */
export class Slot {
  readonly name: string
  /** The next offset to fetch; below zero until it is known. */
  position = -1n
  ready: PlatformaticBatch | null = null
  running = false
  private sought = false

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {
    this.name = `${topic}/${partition}`
  }

  get known(): boolean {
    return this.position >= 0n
  }

  /** A first position, where none was sought. */
  place(offset: bigint): void {
    if (!this.known) this.position = offset
  }

  seek(offset: bigint): void {
    this.position = offset
    this.ready = null
    this.sought = true
  }

  /** `batch` is handed out; what follows it may be fetched meanwhile. */
  begin(batch: PlatformaticBatch): void {
    this.ready = null
    this.running = true
    this.sought = false
    this.position = batch.next
  }

  /** `next` is where its handler wants to read on, null for the whole batch again. What was fetched ahead fits or goes. */
  conclude(batch: PlatformaticBatch, next: bigint | null): void {
    this.running = false
    const wanted = next ?? batch.from
    if (this.sought || wanted === batch.next) return
    this.position = wanted
    this.ready = null
  }
}
