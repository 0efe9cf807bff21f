import { expect, it } from 'vitest'
import { runTasks, type Task } from './tasks.js'

function recorder() {
  const order: string[] = []
  const task = (name: string, after: string[], run: Task['run'] = async () => {}): Task => ({
    name,
    after,
    run: async (signal) => {
      await run(signal)
      order.push(name)
    },
  })
  return { order, task }
}

it('runs a task only after everything it needs, and each task once', async () => {
  const { order, task } = recorder()
  await runTasks([
    task('connector', ['connect', 'tables']),
    task('connect', ['kafka']),
    task('tables', []),
    task('kafka', []),
  ])
  expect(order.toSorted()).toEqual(['connect', 'connector', 'kafka', 'tables'])
  expect(order.at(-1)).toBe('connector')
  expect(order.indexOf('kafka')).toBeLessThan(order.indexOf('connect'))
})

it('rejects with the first failure, only after every running task has ended', async () => {
  const { order, task } = recorder()
  const patient = task(
    'patient',
    [],
    (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  )
  const failing = task('failing', [], () => Promise.reject(new Error('no disk')))
  await expect(runTasks([patient, failing, task('never', ['failing'])])).rejects.toThrow('no disk')
  expect(order).toEqual(['patient'])
})

it('rejects with the reason of an outer abort', async () => {
  const { task } = recorder()
  const outer = new AbortController()
  const waiting = task(
    'waiting',
    [],
    (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  )
  const run = runTasks([waiting], outer.signal)
  outer.abort(new Error('Ctrl-C'))
  await expect(run).rejects.toThrow('Ctrl-C')
})

it('names a task that is waited for but not there', async () => {
  const { task } = recorder()
  await expect(runTasks([task('connect', ['kafka'])])).rejects.toThrow('connect comes after kafka')
})
