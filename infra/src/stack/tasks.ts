/** One piece of work of a start-up, run as soon as what it needs is done. */
export interface Task {
  name: string
  after: string[]
  run(signal: AbortSignal): Promise<void>
}

/**
 * Runs every task as early as its `after` allows. The first failure aborts the rest; the promise settles
 * only when all have ended, so that the caller can clean up without anything starting behind its back.
 */
export async function runTasks(tasks: readonly Task[], outer?: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const signal = outer ? AbortSignal.any([stop.signal, outer]) : stop.signal
  const runs = new Map<string, Promise<void>>()
  const runOf = (task: Task): Promise<void> => {
    const known = runs.get(task.name)
    if (known) return known
    const run = (async () => {
      await Promise.all(task.after.map((name) => runOf(named(tasks, name, task.name))))
      signal.throwIfAborted()
      await task.run(signal)
    })()
    runs.set(task.name, run)
    run.catch((error) => stop.abort(error))
    return run
  }
  await Promise.allSettled(tasks.map(runOf))
  // The abort's reason is the first failure; the others are its consequences.
  signal.throwIfAborted()
}

function named(tasks: readonly Task[], name: string, wantedBy: string): Task {
  const task = tasks.find((candidate) => candidate.name === name)
  if (!task) throw new Error(`${wantedBy} comes after ${name}, which is not part of this start`)
  return task
}
