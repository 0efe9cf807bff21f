/** Pieces of work of which so many are done at once: whoever brings one more waits for room. */
export class AtOnce {
  private readonly underWay = new Set<Promise<void>>()

  constructor(private readonly most: number) {}

  /** @throws what any of them threw before; nothing is begun then */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.underWay.size >= this.most) await Promise.race(this.underWay)
    const doing = work()
    this.underWay.add(doing)
    doing.then(
      () => this.underWay.delete(doing),
      // Stays, so that whoever waits next is told.
      () => undefined,
    )
  }

  /** @throws what any of them threw, when all of them have ended */
  async all(): Promise<void> {
    await this.settled()
    await Promise.all(this.underWay)
  }

  /** Nothing goes on behind a failure. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay)
  }
}
