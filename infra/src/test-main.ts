import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { down, up } from './stack/stack.js'
import { rootDir } from './stack/state.js'
import { faultRun } from './test-run/fault-run.js'
import { freeOffset } from './test-run/free-offset.js'
import type { TestSummary } from './test-run/summary-reporter.js'

/**
 * Every test on a stack of its own: free ports, its own state folder, ended and removed afterwards; then a
 * short run of faults on a second one, which hurts its servers (not with arguments, and not with LETHE_FAULT_RUN=0).
 * The last line is `N passed, N failed` (and `, N skipped`); ends with 0 only when something passed and nothing
 * failed. Arguments are handed to Vitest, e.g. the path of one room.
 */
async function main(args: string[]): Promise<number> {
  const state = join(rootDir, '.lethe', `test-${process.pid}`)
  const summaryFile = join(state, 'summary.json')
  process.env.LETHE_STATE = state
  process.env.LETHE_PORT_OFFSET = String(await freeOffset())
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => interrupt.abort(new Error(`interrupted by ${name}`)))
  let summary: TestSummary | null = null
  try {
    console.log(`\nStarting the servers (ports moved by ${process.env.LETHE_PORT_OFFSET}, state in ${state})`)
    await up('core', { signal: interrupt.signal, report: (line) => console.log(`  ${line}`) })
    await vitest(args, summaryFile, interrupt.signal)
    if (existsSync(summaryFile)) summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as TestSummary
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  } finally {
    await down({ data: true })
  }
  if (summary && args.length === 0 && process.env.LETHE_FAULT_RUN !== '0' && !interrupt.signal.aborted)
    summary = together(summary, await faultRun(state, interrupt.signal))
  return conclude(summary, state)
}

function together(tests: TestSummary, faults: TestSummary): TestSummary {
  return {
    passed: tests.passed + faults.passed,
    failed: tests.failed + faults.failed,
    skipped: [...tests.skipped, ...faults.skipped],
    failures: [...tests.failures, ...faults.failures],
  }
}

function vitest(args: string[], summaryFile: string, signal: AbortSignal): Promise<void> {
  const program = join(rootDir, 'node_modules', 'vitest', 'vitest.mjs')
  const reporter = fileURLToPath(new URL('./test-run/summary-reporter.js', import.meta.url))
  const projects = ['unit', 'int', 'e2e'].flatMap((name) => ['--project', name])
  const reporters = ['--reporter', 'default', '--reporter', reporter]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'run', ...projects, ...reporters, ...args], {
      cwd: rootDir,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, LETHE_TEST_SUMMARY: summaryFile },
    })
    signal.addEventListener('abort', () => child.kill('SIGTERM'))
    child.once('error', reject)
    child.once('close', () => resolve())
  })
}

/** Nothing is printed after the counts: whoever reads the output reads its last line. */
function conclude(summary: TestSummary | null, state: string): number {
  if (!summary) {
    console.error(`The tests did not run to their end. Logs: ${join(state, 'logs')}`)
    console.log('0 passed, 1 failed')
    return 1
  }
  const { passed, failed, skipped, failures } = summary
  for (const { title, reason } of skipped) console.log(`SKIPPED ${title}\n        because: ${reason}`)
  for (const { title, message } of failures) console.log(`FAILED  ${title}\n        ${message}`)
  if (failed > 0) console.log(`Logs of the servers: ${join(state, 'logs')}`)
  else rmSync(state, { recursive: true, force: true })
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
  return failed === 0 && passed > 0 ? 0 : 1
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(error)
    console.log('0 passed, 1 failed')
    process.exitCode = 1
  },
)
