/** Wakes one waiter; raised before anyone waits, it is remembered once. */
export class Signal {
  private raised = false
  private wake: (() => void) | null = null

  raise(): void {
    this.raised = true
    this.wake?.()
  }

  async next(): Promise<void> {
    if (!this.raised)
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    this.wake = null
    this.raised = false
  }
}
